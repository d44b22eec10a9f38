package h2frame

import "strconv"

// What we send is encoded with HPACK's static table and literals (RFC 7541 sections 6.1, 6.2.2 and
// 6.2.3), so no state is kept for a connection, and whatever size of table its client allows is
// right.

// AppendStatus appends the pseudo-field :status.
func AppendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, 0x88)
	case 204:
		return append(b, 0x89)
	case 206:
		return append(b, 0x8a)
	case 304:
		return append(b, 0x8b)
	case 400:
		return append(b, 0x8c)
	case 404:
		return append(b, 0x8d)
	case 500:
		return append(b, 0x8e)
	}
	return strconv.AppendInt(append(b, 0x08, 3), int64(status), 10)
}

// AppendField appends a field, whose name may be in any case. What a cookie says is never to be
// indexed by anybody on the way.
func AppendField(b []byte, name, value string) []byte {
	kind := byte(0x00)
	index := staticName(name)
	if index == setCookie {
		kind = 0x10
	}
	if index == 0 {
		b = appendNumber(append(b, kind, 0), 7, uint(len(name)))
		for i := range len(name) {
			c := name[i]
			if c-'A' < 26 {
				c |= 0x20
			}
			b = append(b, c)
		}
	} else {
		b = appendNumber(append(b, kind), 4, index)
	}
	b = appendNumber(append(b, 0), 7, uint(len(value)))
	return append(b, value...)
}

// AppendLength appends a Content-Length.
func AppendLength(b []byte, n int64) []byte {
	b = append(b, 0x0f, contentLength-15, 0)
	at := len(b)
	b = strconv.AppendInt(b, n, 10)
	b[at-1] = byte(len(b) - at)
	return b
}

// appendNumber appends n as an integer with a prefix of that many bits (RFC 7541 section 5.1), the
// first of which are in the last byte of b.
func appendNumber(b []byte, bits uint, n uint) []byte {
	limit := uint(1)<<bits - 1
	if n < limit {
		b[len(b)-1] |= byte(n)
		return b
	}
	b[len(b)-1] |= byte(limit)
	for n -= limit; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// Entries of the static table (RFC 7541 appendix A).
const (
	contentLength = 28
	setCookie     = 55
)

// static are the names in it that answers have, by their length.
var static = [...][]staticEntry{
	3:  {{"age", 21}},
	4:  {{"date", 33}, {"etag", 34}, {"vary", 59}, {"link", 45}},
	5:  {{"allow", 22}},
	6:  {{"server", 54}},
	7:  {{"expires", 36}, {"refresh", 52}},
	8:  {{"location", 46}},
	10: {{"set-cookie", setCookie}},
	11: {{"retry-after", 53}},
	12: {{"content-type", 31}},
	13: {{"cache-control", 24}, {"last-modified", 44}, {"accept-ranges", 18},
		{"content-range", 30}},
	14: {{"content-length", contentLength}},
	16: {{"content-encoding", 26}, {"content-language", 27}, {"content-location", 29},
		{"www-authenticate", 61}},
	18: {{"proxy-authenticate", 48}},
	19: {{"content-disposition", 25}},
	25: {{"strict-transport-security", 56}},
	27: {{"access-control-allow-origin", 20}},
}

type staticEntry struct {
	name  string
	index uint
}

// staticName is the index of a name in any case; 0: it is not there.
func staticName(name string) uint {
	if len(name) >= len(static) {
		return 0
	}
	for _, e := range static[len(name)] {
		if equalFold(name, e.name) {
			return e.index
		}
	}
	return 0
}

// equalFold compares with what is in lower case, and as long.
func equalFold(name, lower string) bool {
	for i := range len(lower) {
		c := name[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
