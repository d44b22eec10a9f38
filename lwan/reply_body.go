package lwan

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// replyBody is a Reply as the reader of its body.
type replyBody Reply

// Body reads the body, freed of its framing. Response.ReadFrom knows it, and copies through a
// buffer that is held only while bytes are there. io.ErrUnexpectedEOF: it was cut short;
// ErrBadReply: its framing is broken.
func (a *Reply) Body() io.Reader { return (*replyBody)(a) }

// Read implements io.Reader.
func (b *replyBody) Read(p []byte) (int, error) {
	for b.err == nil && len(p) > 0 {
		if err := b.await(); err != nil {
			b.err = err
			break
		}
		n, err := b.fetch(p)
		if n > 0 {
			if n, b.err = b.take(p, n); b.err == io.EOF {
				(*Reply)(b).whole()
			}
		}
		switch {
		case n > 0:
			return n, nil
		case err != nil && b.err == nil:
			b.err = b.ended(err)
		}
	}
	return 0, b.err
}

// await waits until something is there, if pauses are bounded.
func (b *replyBody) await() error {
	if b.conn == nil || b.pause <= 0 {
		return nil
	}
	return b.conn.Wait(b.pause)
}

// fetch reads bytes as they came. It asks for as much as fits: what comes behind the body is to be
// seen.
func (b *replyBody) fetch(p []byte) (int, error) {
	if n := b.ahead.take(p); n > 0 {
		return n, nil
	}
	return b.src.Read(p)
}

// unread keeps what lies behind the body.
func (b *replyBody) unread(p []byte) {
	(*Reply)(b).behind().keep(p, nil)
}

// take finds the body in p[:n], and moves it to the beginning. The error is how the body ends.
func (b *replyBody) take(p []byte, n int) (int, error) {
	switch b.body {
	case frameChunked:
		return b.dechunk(p, n)
	case frameLength:
		if int64(n) >= b.left {
			rest := p[b.left:n]
			n, b.left = int(b.left), 0
			b.unread(rest)
			return n, io.EOF
		}
		b.left -= int64(n)
	}
	return n, nil
}

// dechunk takes the framing out.
func (b *replyBody) dechunk(p []byte, n int) (got int, err error) {
	in := p[:n]
	if len(b.partial) > 0 { // a trailer section that has not come whole
		b.partial = append(b.partial, in...)
		in = b.partial
	}
	for len(in) > 0 {
		skip, data, done, bad := b.chunks.Next(in)
		if bad.Status != 0 {
			return got, fmt.Errorf("%w: %s", ErrBadReply, bad.Reason)
		}
		if done {
			b.trailer(in[skip-b.chunks.TrailerLen() : skip])
			b.unread(in[skip:])
			return got, io.EOF
		}
		if data == 0 {
			b.partial = append(b.partial[:0], in[skip:]...)
			return got, nil
		}
		got += copy(p[got:], in[skip:skip+data])
		b.chunks.Advance(data)
		in = in[skip+data:]
	}
	b.partial = b.partial[:0]
	return got, nil
}

// trailer reads the trailer fields. Those that may not be trailers are left out.
func (b *replyBody) trailer(section []byte) {
	fields, bad := http1.ParseTrailer(section, nil)
	if bad.Status != 0 {
		return // not possible: Next has found it valid
	}
	for _, f := range fields {
		b.trailers = append(b.trailers, transport.Field{
			Name: string(f.Name.Of(section)), Value: string(f.Value.Of(section)),
		})
	}
}

// ended is what the end of the connection means.
func (b *replyBody) ended(err error) error {
	switch {
	case err != io.EOF:
		return err
	case b.body == frameClose:
		return io.EOF
	}
	return io.ErrUnexpectedEOF
}

// copyTo is Response.ReadFrom: a buffer is lent for each piece, and none while nothing comes.
func (b *replyBody) copyTo(resp *Response) (n int64, err error) {
	for b.err == nil {
		if b.conn != nil {
			if err := b.conn.Wait(b.pause); err != nil {
				b.err = err
				break
			}
		}
		m, err := b.copyPiece(resp)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	if b.err == io.EOF {
		return n, nil
	}
	return n, b.err
}

func (b *replyBody) copyPiece(resp *Response) (int, error) {
	buf := takePiece()
	defer givePiece(buf)
	n, err := b.Read(buf[:])
	if n == 0 {
		if err == b.err { // copyTo finds it there
			err = nil
		}
		return 0, err
	}
	return resp.Write(buf[:n])
}

// pieces are the buffers that are lent to who copies: all servers share them.
var pieces = sync.Pool{New: func() any { return new([replyPiece]byte) }}

func takePiece() *[replyPiece]byte  { return pieces.Get().(*[replyPiece]byte) }
func givePiece(b *[replyPiece]byte) { pieces.Put(b) }

// isLost reports whether err is that a connection has ended.
func isLost(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}
