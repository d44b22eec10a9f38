package nethttp

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

// net/http knows no limit for a body but the read deadline of the connection, and reads what the
// handler has left before it sends the answer's head, or after the answer. So there is always a
// deadline while there may be a body.

// Read implements transport.Stream.
func (c *Call) Read(_ transport.Task, p []byte) (int, error) {
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
		// From now on net/http listens for the client's leaving, and takes the deadline for it.
		c.readWithin(0)
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

// Unread implements transport.Stream: nobody begins to read any more. Who still reads, on a
// goroutine that the handler has left behind, is not ended: what it looks at must stay as it is,
// for the collector.
func (c *Call) Unread() (quiet bool) {
	if !c.inRead.TryLock() {
		return false
	}
	defer c.inRead.Unlock()
	c.bodyMu.Lock()
	defer c.bodyMu.Unlock()
	c.bodyErr = http.ErrBodyReadAfterClose
	return true
}

// endReading ends the read of whoever reads the body still, on a goroutine that the handler has
// left behind: net/http would wait for it. What was read of the body is not known then, so the
// connection ends with the answer.
func (c *Call) endReading() {
	if c.inRead.TryLock() {
		c.inRead.Unlock()
		return
	}
	if c.Outer != nil || c.phase == taken {
		return // the body is the middleware's, or the connection somebody else's
	}
	// Again and again, as who reads may have set another deadline just now.
	for c.ctl.SetReadDeadline(time.Unix(1, 0)) == nil {
		if c.inRead.TryLock() {
			c.inRead.Unlock()
			return
		}
		runtime.Gosched()
	}
}

// clientLeft ends the request. net/http says that a client has left when a read deadline has
// passed, too: that is none.
func (c *Call) clientLeft() {
	if c.reading.Load() || c.late.Load() {
		return
	}
	switch cause := context.Cause(c.r.Context()); {
	case cause == transport.ErrTimeout, cause == transport.ErrStopping:
		c.End(cause)
	case errors.Is(cause, context.DeadlineExceeded): // of middleware
		c.End(transport.ErrTimeout)
	default:
		c.End(transport.ErrGone)
	}
}

// readPause is how long the client may send nothing of the body: not longer than the request has
// time.
func (c *Call) readPause() time.Duration {
	d, _ := c.Exchange.Pauses()
	if left, ok := c.timeLeft(); ok && (d == 0 || left < d) {
		d = max(left, 1)
	}
	return d
}

// timeLeft is the time that the handler has; for any goroutine.
func (c *Call) timeLeft() (time.Duration, bool) {
	if c.answering.Load() {
		return 0, false
	}
	return c.Exchange.Left()
}

// readWithin sets the read deadline of the connection; 0: none.
func (c *Call) readWithin(d time.Duration) {
	if c.Outer != nil && c.Outer.ReadsAsOutside() {
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

func (c *Call) bodyError(err error) error {
	cause := c.ends()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		if left, ok := c.timeLeft(); ok && left == 0 {
			c.End(transport.ErrTimeout) // the time of the request, and not that of one read
		}
		return transport.ErrTimeout
	case errors.Is(err, io.ErrUnexpectedEOF):
		return err // an incomplete message may still be answered (RFC 9112 section 8)
	case cause != nil:
		return cause
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return transport.ErrTooLarge // of middleware, which allows less
	}
	if _, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok {
		return err // it comes from the body of FromHTTP, inside of middleware
	}
	for _, known := range []error{transport.ErrGone, transport.ErrTimeout, transport.ErrStopping} {
		if errors.Is(err, known) {
			return err // as that
		}
	}
	return errors.Join(transport.ErrBadBody, err)
}

// ends is why the request has ended; nil: it has not.
func (c *Call) ends() error {
	select {
	case <-c.ended:
		return c.cause
	default:
		return nil
	}
}

// bodyState is how far the body was read, and how reading ended.
func (c *Call) bodyState() (read int64, begun bool, err error) {
	c.bodyMu.Lock()
	defer c.bodyMu.Unlock()
	return c.bodyRead, c.bodyBegun, c.bodyErr
}

// bodyLeft reports whether there may be more of the body.
func (c *Call) bodyLeft() bool {
	_, _, err := c.bodyState()
	return c.r.ContentLength != 0 && err != io.EOF
}

// bodyBroken reports whether nobody knows where the next request would begin.
func (c *Call) bodyBroken() bool {
	_, _, err := c.bodyState()
	return c.Outer == nil && c.bodyLeft() && err != nil
}

// muchLeft reports whether too much of the body is known to be left for the connection to go on.
func (c *Call) muchLeft() bool {
	read, _, _ := c.bodyState()
	return c.bodyLeft() && c.r.ContentLength-read > transport.DiscardLimit
}

// duplex lets a handler that has begun to read go on while it answers.
func (c *Call) duplex() {
	if c.Outer != nil {
		return // whoever serves the request knows best
	}
	if _, begun, _ := c.bodyState(); c.bodyLeft() && (begun || c.wantsDuplex) {
		// An error: the writer needs no leave, or gives none.
		c.duplexed = c.ctl.EnableFullDuplex() == nil
		return
	}
	c.lingerForRest()
}

// lingerForRest limits how long net/http may wait for what the handler has left of the body.
func (c *Call) lingerForRest() {
	if c.bodyLeft() {
		_ = c.ctl.SetReadDeadline(c.lingerUntil()) // not every writer can
	}
}

func (c *Call) lingerUntil() time.Time { return deadlineIn(c.Linger().Pause) }

// discardRest throws away what the client still sends, with the bounds of Server.LingerTimeout and
// LingerBytes. Draining gives no more time.
func (c *Call) discardRest() {
	until, whole := c.lingerUntil(), deadlineIn(transport.LingerPauses*c.Linger().Pause)
	for left := c.Linger().Bytes; left > 0; {
		if !c.Linger().Stopping {
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

// readRest reads what the handler has left of a body while the answer was on its way: net/http goes
// on with the connection then, also if the rest did not come in time, and would take it for a
// request; unless the answer is the last.
func (c *Call) readRest() error {
	if c.Outer != nil {
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

// lingerBehindLast reads on behind an answer that ends the connection, so that a client who is
// still sending reads it (RFC 9112 section 9.6). net/http waits for half a second, and not where it
// knows of the end before. An answer must be whole, as the client may wait for its end. Of a
// chunked body nobody knows whether it ends the connection.
func (c *Call) lingerBehindLast() {
	if c.last || c.head.Chunked {
		c.lingerBehind()
	}
}

func (c *Call) lingerBehind() {
	_, begun, failed := c.bodyState()
	if c.head.Expect100 && !begun {
		return // the body will not come
	}
	if c.r.ProtoMajor == 1 && c.bodyLeft() && failed == nil && c.flush() == nil {
		c.discardRest()
	}
}

// discard throws up to n bytes of the body away. It returns io.EOF when that was all.
func (c *Call) discard(n int64) (int64, error) {
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
var errRest = restError{}

type restError struct{}

func (restError) Error() string { return "the rest of the body did not arrive in time" }

// StatusCode is what the failure of the request is counted as.
func (restError) StatusCode() int { return http.StatusRequestTimeout }
