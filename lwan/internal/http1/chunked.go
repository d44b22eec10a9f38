package http1

import (
	"math"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Chunked decodes a body in the chunked coding (RFC 9112 section 7.1) as it arrives, in pieces of
// any size:
//
//	           +-------- CRLF after the data --------+
//	           v                                     |
//	start --> size --> extension ... --> LF --> data-+
//	                                     |
//	                                     +--> trailer --> done      (size 0)
//
// It never touches the data: Next says where it is, so that it can be used where it lies or be read
// straight from a socket into its destination. Every byte between is checked; a line ends in CRLF
// and in nothing else, since a lone LF is where two servers come to disagree about the end of a
// body.
//
// The zero value is ready, with the default limits. A Chunked holds no pointers.
type Chunked struct {
	// Limits of one body, in bytes and fields; 0 is the default. They may be set before the first
	// call of Next.
	// all chunk extensions together (400): nobody reads them, and a body could consist of them
	MaxExtension    uint32
	MaxTrailer      uint32 // the field lines of the trailer section with their CRLFs (431)
	MaxTrailerCount uint32 // how many they are (431)

	extension  uint32 // bytes of extensions so far
	trailerLen uint32 // of the trailer section with its blank line, when done
	left       int64  // of the chunk's data; while its size is being read, the size so far
	trailer    Resume
	state      chunkState
	digits     uint8
}

// Defaults of the limits of Chunked.
const (
	DefaultExtension    = 4 << 10
	DefaultTrailer      = 8 << 10
	DefaultTrailerCount = 64
)

// maxDigits is how many digits a chunk size may have, leading zeros included: 16 can say more than
// 2^63-1, and zeros without end would be bytes that no limit counts.
const maxDigits = 16

type chunkState uint8

const (
	chunkStart   chunkState = iota // before the first digit of a size
	chunkSize                      // in a size
	chunkSizeLF                    // after the CR of a size line
	chunkData                      // in the data
	chunkDataCR                    // after the data
	chunkDataLF                    // after the data and its CR
	chunkTrailer                   // in the trailer section
	chunkDone
	extBefore  // in whitespace that only a ";" can follow
	extName    // before an extension's name
	extInName  // in it
	extAfter   // in whitespace after it
	extValue   // before its value
	extInValue // in a value that is a token
	extQuoted  // in a value that is a quoted string
	extPair    // after a backslash in one
	extClosed  // after its closing quotation mark
)

// Next looks at buf, the bytes that follow those consumed so far. The first skip bytes are framing,
// and are consumed by this call. The next data bytes are data, and are not: whoever takes some of
// them says so with Advance. done is true when the body is over; what follows buf[:skip] is no part
// of it. err.Status is 0, 400 or 431; after an error the connection is of no use.
//
// When neither data nor done comes back, more bytes are needed. Framing is consumed byte by byte,
// except a trailer section: that is consumed when it is complete, so that it lies in one piece and
// can be given to ParseTrailer as the last TrailerLen bytes of buf[:skip]. Until then its bytes
// must be shown again, with more behind them.
func (c *Chunked) Next(buf []byte) (skip, data int, done bool, err message.Error) {
	for i := 0; i < len(buf); i++ {
		switch c.state {
		case chunkData:
			return i, int(min(c.left, int64(len(buf)-i))), false, message.Error{}
		case chunkTrailer:
			return c.readTrailer(buf, i)
		case chunkDone:
			return i, 0, true, message.Error{}
		}
		if reason := c.step(buf[i]); reason != "" {
			return i, 0, false, fault(400, i, reason)
		}
	}
	return len(buf), 0, c.state == chunkDone, message.Error{}
}

// Remaining is how many bytes of data are to come before the next framing: so many may be read from
// the connection straight to where they belong, and be reported with Advance. It is 0 while a size
// has not been read to its end.
func (c *Chunked) Remaining() int64 {
	if c.state != chunkData {
		return 0
	}
	return c.left
}

// Advance consumes n bytes of data, at most Remaining.
func (c *Chunked) Advance(n int) {
	if n < 0 || int64(n) > c.Remaining() {
		panic("http1: Advance over the end of the chunk")
	}
	if c.left -= int64(n); n > 0 && c.left == 0 {
		c.state = chunkDataCR
	}
}

// TrailerLen is the length of the trailer section with the blank line that ends it, once Next has
// said done: 2 when there are no trailer fields.
func (c *Chunked) TrailerLen() int { return int(c.trailerLen) }

// step consumes one byte of framing and returns what is wrong with it.
func (c *Chunked) step(b byte) string {
	switch c.state {
	case chunkStart, chunkSize:
		return c.size(b)
	case chunkSizeLF:
		return c.sizeEnd(b)
	case chunkDataCR:
		return c.expect(b, '\r', chunkDataLF)
	case chunkDataLF:
		return c.expect(b, '\n', chunkStart)
	}
	return c.extend(b)
}

// expect takes one of the two bytes after the data.
func (c *Chunked) expect(b, want byte, next chunkState) string {
	if b != want {
		return reasonChunkData
	}
	c.state = next
	return ""
}

func orDefault32(n, otherwise uint32) uint32 {
	if n > 0 {
		return n
	}
	return otherwise
}

// size takes a digit of a chunk size, or what ends it.
func (c *Chunked) size(b byte) string {
	if digit := message.HexDigit(b); digit < 16 {
		if c.digits == maxDigits || c.left > (math.MaxInt64-int64(digit))>>4 {
			return reasonChunkRange
		}
		c.left, c.digits, c.state = c.left<<4|int64(digit), c.digits+1, chunkSize
		return ""
	}
	if c.state == chunkStart {
		return reasonChunkSize
	}
	switch b {
	case '\r':
		c.state = chunkSizeLF
		return ""
	case ';', ' ', '\t':
		c.state = extBefore
		return c.extend(b)
	}
	return reasonChunkSize
}

// sizeEnd takes the LF of a size line.
func (c *Chunked) sizeEnd(b byte) string {
	if b != '\n' {
		return reasonChunkLine
	}
	c.digits, c.state = 0, chunkData
	if c.left == 0 {
		c.state = chunkTrailer
		c.trailer = trailerStart
	}
	return ""
}
