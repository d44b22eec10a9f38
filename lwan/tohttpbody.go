package lwan

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// net/http knows no limit for a body but the read deadline of the connection, and reads what the handler has left before
// it sends the answer's head, or after the answer. So there is always a deadline while there may be a body.

// Read implements transport.Stream.
func (c *httpCall) Read(_ transport.Task, p []byte) (int, error) {
	c.inRead.Lock()
	defer c.inRead.Unlock()
	c.bodyMu.Lock()
	c.bodyBegun = true
	err := c.bodyErr
	c.bodyMu.Unlock()
	if err != nil {
		return 0, err
	}
	c.readWithin(c.readPause())
	c.reading.Store(true)
	n, err := c.r.Body.Read(p)
	c.late.Store(errors.Is(err, os.ErrDeadlineExceeded))
	c.reading.Store(false)
	if c.r.Context().Err() != nil {
		c.clientLeft()
	}
	switch {
	case err == io.EOF:
		c.readWithin(0) // from now on net/http listens for the client's leaving, and takes the deadline for it
	case err != nil:
		err = c.bodyError(err)
	}
	c.bodyMu.Lock()
	defer c.bodyMu.Unlock()
	c.bodyErr = err
	c.bodyRead += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Unread implements transport.Stream: nobody begins to read any more. Who still reads, on a goroutine
// that the handler has left behind, is not ended: what it looks at must stay as it is, for the
// collector.
func (c *httpCall) Unread() (quiet bool) {
	if !c.inRead.TryLock() {
		return false
	}
	defer c.inRead.Unlock()
	c.bodyMu.Lock()
	defer c.bodyMu.Unlock()
	c.bodyErr = http.ErrBodyReadAfterClose
	return true
}

// endReading ends the read of whoever reads the body still, on a goroutine that the handler has left behind: net/http would
// wait for it. What was read of the body is not known then, so the connection ends with the answer.
func (c *httpCall) endReading() {
	if c.inRead.TryLock() {
		c.inRead.Unlock()
		return
	}
	if c.inside != nil || c.phase == callTaken {
		return // the body is the middleware's, which may go on with it; or the connection somebody else's
	}
	for c.ctl.SetReadDeadline(time.Unix(1, 0)) == nil { // again, as who reads may have set another one just now
		if c.inRead.TryLock() {
			c.inRead.Unlock()
			return
		}
		runtime.Gosched()
	}
}

// clientLeft ends the request. net/http says that a client has left when a read deadline has passed, too: that is none.
func (c *httpCall) clientLeft() {
	if c.reading.Load() || c.late.Load() {
		return
	}
	switch cause := context.Cause(c.r.Context()); {
	case cause == ErrTimeout, cause == ErrStopping:
		c.end(cause)
	case errors.Is(cause, context.DeadlineExceeded): // of middleware
		c.end(ErrTimeout)
	default:
		c.end(ErrGone)
	}
}

// readPause is how long the client may send nothing of the body: not longer than the request has time.
func (c *httpCall) readPause() time.Duration {
	d, _ := c.x.Pauses()
	if left, ok := c.timeLeft(); ok && (d == 0 || left < d) {
		d = max(left, 1)
	}
	return d
}

// timeLeft is the time that the handler has; for any goroutine.
func (c *httpCall) timeLeft() (time.Duration, bool) {
	if c.answering.Load() {
		return 0, false
	}
	return c.x.Left()
}

// readWithin sets the read deadline of the connection; 0: none.
func (c *httpCall) readWithin(d time.Duration) {
	if c.inside != nil && c.inside.readsAsOutside() {
		return // the server's own will do
	}
	_ = c.ctl.SetReadDeadline(deadlineIn(d)) // not every writer can
}

// deadlineIn is the time in d; zero, which is no deadline, for 0.
func deadlineIn(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func (c *httpCall) bodyError(err error) error {
	cause := c.ends()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if left, ok := c.timeLeft(); ok && left == 0 {
			c.end(ErrTimeout) // the time of the request, and not that of one read
		}
		return ErrTimeout
	case errors.Is(err, io.ErrUnexpectedEOF): // an incomplete message may still be answered (RFC 9112 section 8)
		return err
	case cause != nil:
		return cause
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return ErrTooLarge // of middleware, which allows less
	}
	if _, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok || errors.Is(err, ErrGone) || errors.Is(err, ErrTimeout) || errors.Is(err, ErrStopping) {
		return err // it comes from the body of FromHTTP, inside of middleware
	}
	return errors.Join(errBadBody, err)
}

// ends is why the request has ended; nil: it has not.
func (c *httpCall) ends() error {
	select {
	case <-c.ended:
		return c.cause
	default:
		return nil
	}
}

// bodyState is how far the body was read, and how reading ended.
func (c *httpCall) bodyState() (read int64, begun bool, err error) {
	c.bodyMu.Lock()
	defer c.bodyMu.Unlock()
	return c.bodyRead, c.bodyBegun, c.bodyErr
}

// bodyLeft reports whether there may be more of the body.
func (c *httpCall) bodyLeft() bool {
	_, _, err := c.bodyState()
	return c.r.ContentLength != 0 && err != io.EOF
}

// bodyBroken reports whether nobody knows where the next request would begin.
func (c *httpCall) bodyBroken() bool {
	_, _, err := c.bodyState()
	return c.inside == nil && c.bodyLeft() && err != nil
}

// muchLeft reports whether too much of the body is known to be left for the connection to go on.
func (c *httpCall) muchLeft() bool {
	read, _, _ := c.bodyState()
	return c.bodyLeft() && c.r.ContentLength-read > transport.DiscardLimit
}

// duplex lets a handler that has begun to read go on while it answers.
func (c *httpCall) duplex() {
	if c.inside != nil {
		return // whoever serves the request knows best
	}
	if _, begun, _ := c.bodyState(); c.bodyLeft() && (begun || c.via.duplex) {
		c.duplexed = c.ctl.EnableFullDuplex() == nil // else the writer needs no leave, or gives none
		return
	}
	c.lingerForRest()
}

// lingerForRest limits how long net/http may wait for what the handler has left of the body.
func (c *httpCall) lingerForRest() {
	if c.bodyLeft() {
		_ = c.ctl.SetReadDeadline(c.lingerUntil()) // not every writer can
	}
}

func (c *httpCall) lingerUntil() time.Time { return deadlineIn(c.linger().pause) }

// httpLinger is how long a client may go on to send behind the last answer.
type httpLinger struct {
	pause    time.Duration // without sending anything
	bytes    int64
	stopping bool // draining gives no more time
}

// httpLinger is that of the server whose handler has answered.
func (x *exchange) httpLinger() httpLinger {
	core := x.req.table.core
	return httpLinger{
		pause:    max(orPause(core.srv.LingerTimeout, defaultLinger), 1),
		bytes:    orDefault(core.srv.LingerBytes, defaultLingerBytes),
		stopping: core.stopping.Err() != nil,
	}
}

// discardRest throws away what the client still sends, with the bounds of Server.LingerTimeout and LingerBytes. Draining
// gives no more time.
func (c *httpCall) discardRest() {
	until, whole := c.lingerUntil(), deadlineIn(transport.LingerPauses*c.linger().pause)
	for left := c.linger().bytes; left > 0; {
		if !c.linger().stopping {
			until = c.lingerUntil()
		}
		if until.After(whole) {
			until = whole
		}
		if c.ctl.SetReadDeadline(until) != nil {
			return // nothing would end it
		}
		n, err := c.discard(min(left, transport.LingerStep))
		if err != nil {
			return
		}
		left -= n
	}
}

// readRest reads what the handler has left of a body while the answer was on its way: net/http goes on with the connection
// then, also if the rest did not come in time, and would take it for a request; unless the answer is the last.
func (c *httpCall) readRest() error {
	if c.inside != nil {
		return nil
	}
	c.lingerForRest()
	if !c.bodyLeft() {
		return nil
	}
	if !c.duplexed { // net/http ends the connection if much is left, and says so
		c.lingerBehind()
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	if _, err := c.discard(transport.DiscardLimit + 1); err != io.EOF && !c.last {
		return errRest
	}
	return nil
}

// lingerBehindLast reads on behind an answer that ends the connection, so that a client who is still sending reads it
// (RFC 9112 section 9.6). net/http waits for half a second, and not where it knows of the end before.
// An answer must be whole, as the client may wait for its end. Of a chunked body nobody knows whether it ends the connection.
func (c *httpCall) lingerBehindLast() {
	if c.last || c.head.Chunked {
		c.lingerBehind()
	}
}

func (c *httpCall) lingerBehind() {
	_, begun, failed := c.bodyState()
	if c.head.Expect100 && !begun {
		return // the body will not come
	}
	if c.r.ProtoMajor == 1 && c.bodyLeft() && failed == nil && c.flush() == nil {
		c.discardRest()
	}
}

// discard throws up to n bytes of the body away. It returns io.EOF when that was all.
func (c *httpCall) discard(n int64) (int64, error) {
	c.inRead.Lock()
	defer c.inRead.Unlock()
	_, _, err := c.bodyState()
	if err != nil {
		return 0, err
	}
	n, err = io.CopyN(io.Discard, c.r.Body, n)
	c.bodyMu.Lock()
	defer c.bodyMu.Unlock()
	c.bodyErr = err
	return n, err
}

// errRest ends an answer whose request was not read to its end, and a connection with it.
var errRest = &Error{Status: http.StatusRequestTimeout, Message: "the rest of the body did not arrive in time"}
