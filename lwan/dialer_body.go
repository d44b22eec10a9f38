package lwan

import (
	"errors"
	"io"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Lend reads into a buffer that is lent for it, and gives what came to fn, which must not keep it:
// no buffer is held while nothing comes. io.EOF at the end.
func (c *Conn) Lend(fn func(p []byte) error) error {
	if err := c.Wait(0); err != nil {
		return err
	}
	buf := takePiece()
	defer givePiece(buf)
	n, err := c.Read(buf[:])
	if err != nil {
		return err
	}
	return fn(buf[:n])
}

// ErrAnswered is returned by SendBody when the other side has begun to answer, or has closed,
// before the body was all sent.
var ErrAnswered = errors.New("lwan: the backend has answered before the body was sent")

// SendBody sends the content of req, chunked or as it comes, as fast as the slower side allows: 32
// KiB are on the way at most, and no buffer is held while nothing comes. It looks at both
// directions of c, and returns ErrAnswered as soon as something is there to be read; on net/http,
// and in a Blocking handler, that is seen when more of the body comes, or is to be sent. The
// client's own failures are those of Request.Body; a write that takes longer than SendTimeout is
// os.ErrDeadlineExceeded. Chunked, the trailers follow. n is the bytes of the content that were
// sent.
func (c *Conn) SendBody(req *Request, chunked bool) (n int64, err error) {
	if chunked {
		return c.SendFramed(req, &chunkFraming{req: req})
	}
	return c.SendFramed(req, plainFraming{})
}

// Framing is how SendFramed sends a content by the rules of a protocol. Its methods run in the
// handler.
type Framing interface {
	// Frame is what stands before and behind the next n bytes of the content, the last ones if end;
	// n may be 0 then. before has 16 bytes at most. Both are used up when Frame is called again.
	Frame(n int, end bool) (before, after []byte)
	// Early is asked when something is there to be read. It reports whether that is an answer,
	// which ends the sending, and may read from the connection while that is Readable.
	Early() (answered bool)
}

// frameRoom is what Frame may put before a piece.
const frameRoom = 16

// SendFramed is SendBody for a protocol that frames contents by itself.
func (c *Conn) SendFramed(req *Request, f Framing) (n int64, err error) {
	body := req.Body()
	for {
		if c.early(f) {
			return n, ErrAnswered
		}
		if err := c.awaitBody(req); err != nil {
			return n, err
		}
		if c.early(f) {
			return n, ErrAnswered
		}
		if c.SendTimeout > 0 {
			if err := c.SetWriteDeadline(time.Now().Add(c.SendTimeout)); err != nil {
				return n, err
			}
		}
		m, err := c.sendPiece(body, f)
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// early reports whether the other side has begun to answer.
func (c *Conn) early(f Framing) bool { return c.answered() && f.Early() }

// plainFraming sends a content as it is.
type plainFraming struct{}

func (plainFraming) Frame(int, bool) (before, after []byte) { return nil, nil }
func (plainFraming) Early() bool                            { return true }

// chunkFraming sends it chunked (RFC 9112 section 7.1), with the trailers of req.
type chunkFraming struct {
	req  *Request
	line [frameRoom]byte
	tail []byte
}

func (f *chunkFraming) Frame(n int, end bool) (before, after []byte) {
	after = f.tail[:0]
	if n > 0 {
		before = http1.AppendChunkHead(f.line[:0], n)
		after = append(after, "\r\n"...)
	}
	if end {
		after = append(after, "0\r\n"...)
		for _, t := range f.req.trailers {
			after = http1.AppendField(after, t.Name, t.Value)
		}
		after = append(after, "\r\n"...)
	}
	f.tail = after
	return before, after
}

func (f *chunkFraming) Early() bool { return true }

// Readable reports whether something is there to be read without a wait: bytes, an end, or what Read
// says to who may not read.
func (c *Conn) Readable() bool {
	if _, err := c.enter(); err != nil {
		return true
	}
	return c.answered()
}

// answered reports whether something is there to be read.
func (c *Conn) answered() (yes bool) {
	req, err := c.enter()
	if err != nil {
		return false // whoever reads or writes is told
	}
	if len(c.rest.b) > 0 {
		return true
	}
	_ = req.outside(func() error { yes = c.up.answered(); return nil })
	return yes && (c.tls == nil || !c.tlsEmpty())
}

// awaitBody waits until there is something of the body of req, or c is answered, which the caller
// finds out.
func (c *Conn) awaitBody(req *Request) error {
	b := &req.body
	if b.full || b.err != nil || b.length == 0 || len(b.again) > 0 ||
		req.home != nil && len(req.home.ahead) > 0 {
		return nil
	}
	if err := req.enter(); err != nil {
		return err
	}
	defer req.term.leave()
	if b.length > req.limits.Body {
		return nil // reading says so
	}
	if err := req.begun(); err != nil {
		return err
	}
	err := req.outside(func() error {
		c.up.alarm(req)
		defer c.up.alarm(nil)
		_, err := req.by.Read(req.on, nil)
		return err
	})
	switch {
	case err == nil, err == io.EOF:
		return nil
	case errors.Is(err, ErrTimeout) && req.lost.Load() == nil:
		return errSlowBody
	}
	if _, bad := err.(*transport.BodyError); bad {
		return nil // reading says so
	}
	return req.endWait(err)
}

// sendPiece reads a piece of the body and writes it. io.EOF: that was the end.
func (c *Conn) sendPiece(body io.Reader, f Framing) (int, error) {
	buf := takePiece()
	defer givePiece(buf)
	n, end := body.Read(buf[frameRoom : len(buf)-frameRoom])
	if n == 0 && end != nil && end != io.EOF {
		return 0, end
	}
	before, after := f.Frame(n, end == io.EOF)
	from := frameRoom - len(before)
	copy(buf[from:], before)
	out := buf[from : frameRoom+n]
	if len(after) <= frameRoom {
		out = append(out, after...)
		after = nil
	}
	if err := c.writeUntilAnswered(out, f); err != nil {
		return 0, err
	}
	if err := c.writeUntilAnswered(after, f); err != nil {
		return 0, err
	}
	return n, end
}

// writeUntilAnswered writes p, unless the other side begins to answer.
func (c *Conn) writeUntilAnswered(p []byte, f Framing) error {
	for len(p) > 0 {
		var n int
		var err error
		if c.tls != nil { // what was sealed has to be written
			n, err = c.Write(p)
		} else {
			n, err = c.writeSome(p)
		}
		switch p = p[n:]; {
		case err != nil && isLost(err) && c.answered():
			return ErrAnswered
		case err != nil:
			return err
		case len(p) > 0 && c.early(f):
			return ErrAnswered
		}
	}
	return nil
}

// writeSome writes until something comes.
func (c *Conn) writeSome(p []byte) (n int, err error) {
	req, err := c.enter()
	if err != nil {
		return 0, err
	}
	c.asked.Store(true)
	err = req.outside(func() (err error) {
		n, err = c.up.writeSome(req, p)
		return err
	})
	return n, c.failed("write", req, err)
}

// answerLook is how often a goroutine that writes looks for an answer.
const answerLook = 250 * time.Millisecond
