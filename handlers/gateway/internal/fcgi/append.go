package fcgi

import "encoding/binary"

// Type is that of a record.
type Type uint8

// The types of records that are sent or understood (FastCGI 1.0, section 8).
const (
	beginRequest Type = 1
	endRequest   Type = 3
	Params       Type = 4
	Stdin        Type = 5
	stdout       Type = 6
	stderr       Type = 7
)

// Role is what an application is asked for.
type Role uint16

// The roles.
const (
	Responder  Role = 1
	Authorizer Role = 2
)

const (
	version   = 1
	requestID = 1
	headSize  = 8
	keepConn  = 1 // flag of a begin

	// MaxContent is the most that one record of ours holds: a multiple of 8, so that full records
	// need no padding.
	MaxContent = 65528
)

// AppendHead appends the head of a record with n bytes of content, at most MaxContent. pad bytes
// have to follow the content: then the next record begins at a multiple of 8.
func AppendHead(dst []byte, t Type, n int) (head []byte, pad int) {
	pad = -n & 7
	return append(dst, version, byte(t), requestID>>8, requestID&0xff,
		byte(n>>8), byte(n), byte(pad), 0), pad
}

// Padding is what stands behind the content of a record; take as much of it as is needed.
var Padding = make([]byte, 8)

// AppendRecord appends a record with that content, at most MaxContent bytes. An empty one ends a
// stream.
func AppendRecord(dst []byte, t Type, content []byte) []byte {
	dst, pad := AppendHead(dst, t, len(content))
	return append(append(dst, content...), Padding[:pad]...)
}

// AppendStream appends content in as many records as it takes: none if it is empty.
func AppendStream(dst []byte, t Type, content []byte) []byte {
	for len(content) > 0 {
		n := min(len(content), MaxContent)
		dst = AppendRecord(dst, t, content[:n])
		content = content[n:]
	}
	return dst
}

// AppendBegin appends the record that begins a request. keep: the application is to leave the
// connection open behind it.
func AppendBegin(dst []byte, r Role, keep bool) []byte {
	flags := byte(0)
	if keep {
		flags = keepConn
	}
	return AppendRecord(dst, beginRequest, []byte{byte(r >> 8), byte(r), flags, 0, 0, 0, 0, 0})
}

// AppendParam appends a name-value pair to the content of Params (section 3.4).
func AppendParam[T string | []byte](dst []byte, name string, value T) []byte {
	dst = appendLength(appendLength(dst, len(name)), len(value))
	return append(append(dst, name...), value...)
}

func appendLength(dst []byte, n int) []byte {
	if n < 128 {
		return append(dst, byte(n))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|1<<31)
}
