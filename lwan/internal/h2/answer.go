//go:build linux && !golwan_nethttp

package h2

import (
	"io"
	"os"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Interim implements transport.Stream.
func (r *runner) Interim(a *transport.Answer) error {
	if r.phase != held {
		return transport.ErrOver
	}
	if err := r.awaitSpace(); err != nil {
		return err
	}
	if a.Status == 100 {
		r.st.read = true // the handler was first
	}
	r.dated = true // it has none
	r.appendHead(a, a.Status, 0, transport.Unsaid)
	return r.Flush()
}

// Head implements transport.Stream.
func (r *runner) Head(a *transport.Answer) error {
	switch {
	case r.phase == givenUp:
		return transport.ErrGone
	case r.phase != held:
		return transport.ErrOver
	}
	if err := r.awaitSpace(); err != nil {
		r.phase = givenUp
		return err
	}
	r.phase, r.dated = streaming, false
	flags := uint8(0)
	if r.left = a.Length; !a.Content || a.Length == 0 {
		r.none, r.st.sent = true, true
		flags = h2frame.EndStream
	}
	status := a.Status
	if r.head.WebSocket && status/100 == 2 { // else its client would think that it has one
		status = 501
	}
	r.appendHead(a, status, flags, a.Length)
	if a.Close && !a.Alone {
		r.s.retire()
	}
	return nil
}

// appendHead appends HEADERS, and CONTINUATION if there is much.
func (r *runner) appendHead(a *transport.Answer, status int, flags uint8, length int64) {
	s, id := r.s, r.st.id
	at := len(s.buffer())
	s.out = h2frame.AppendHeader(s.out, h2frame.Headers, flags|h2frame.EndHeaders, id, 0)
	s.out = h2frame.AppendStatus(s.out, status)
	a.Fields(r.addField)
	if length >= 0 {
		s.out = h2frame.AppendLength(s.out, length)
	}
	if !r.dated {
		s.out = append(s.out, s.home.dateField()...)
	}
	s.endBlock(at)
}

// endBlock sets the length of the field block whose frame begins at out[at], and cuts it into
// frames as large as every client takes them.
func (s *session) endBlock(at int) {
	n := len(s.out) - at - h2frame.HeaderLen
	if n <= h2frame.MaxFrame {
		h2frame.SetLength(s.out, at)
		return
	}
	rest := append([]byte(nil), s.out[at+h2frame.HeaderLen+h2frame.MaxFrame:]...)
	first := s.out[at : at+h2frame.HeaderLen+h2frame.MaxFrame]
	id := uint32(first[5])<<24 | uint32(first[6])<<16 | uint32(first[7])<<8 | uint32(first[8])
	first[4] &^= h2frame.EndHeaders
	h2frame.SetLength(first, 0)
	s.out = s.out[:at+len(first)]
	for len(rest) > 0 {
		flags, n := uint8(0), min(len(rest), h2frame.MaxFrame)
		if n == len(rest) {
			flags = h2frame.EndHeaders
		}
		s.out = h2frame.AppendHeader(s.out, h2frame.Continuation, flags, id, n)
		s.out = append(s.out, rest[:n]...)
		rest = rest[n:]
	}
}

// appendField appends a field of a head, but those of a connection (RFC 9113 section 8.2.2). A Date
// of the program's takes the place of ours.
func (r *runner) appendField(name, value string) bool {
	switch len(name) {
	case 4:
		r.dated = r.dated || strings.EqualFold(name, "Date")
	case 7, 10, 16, 17:
		if ofConnection(name) {
			return true
		}
	}
	value = strings.Trim(value, " \t")
	r.s.out = h2frame.AppendField(r.s.out, name, value)
	return true
}

func ofConnection(name string) bool {
	for _, other := range [...]string{
		"Upgrade", "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding",
	} {
		if strings.EqualFold(name, other) {
			return true
		}
	}
	return false
}

// Write implements transport.Stream.
func (r *runner) Write(p []byte) error {
	switch {
	case r.phase == givenUp:
		return transport.ErrGone
	case r.phase != streaming && r.phase != raw:
		return transport.ErrOver
	case r.none || len(p) == 0:
		return nil
	}
	if _, err := r.send(p); err != nil {
		return r.losing(err)
	}
	return nil
}

// send sends content: as it is, piece by piece, from where it lies.
func (r *runner) send(p []byte) (done int, err error) {
	for done < len(p) {
		n, err := r.awaitRoom(len(p) - done)
		if err != nil {
			return done, err
		}
		r.piece(p[done:done+n], done+n == len(p))
		done += n
	}
	r.s.order.pass(r.s, r.st)
	return done, nil
}

// piece frames content for which there is room.
func (r *runner) piece(p []byte, whole bool) {
	end := false
	if r.left >= 0 {
		r.left -= int64(len(p))
		end = r.left == 0
	}
	r.lastAt, r.writes = len(r.s.buffer()), r.s.writes
	r.s.frame(r.st, p, whole, end)
	r.share += len(p)
	if r.moved += len(p); r.moved >= progress {
		r.by, r.moved = 0, 0
	}
}

// fairShare is how many bytes one stream may write before other connections have a turn, and
// progress how many have to leave in the time that one write may wait: else a client that opens its
// windows by a byte a second would hold an answer for ever.
const (
	fairShare = 1 << 20
	progress  = 1 << 10
)

// awaitRoom waits until some of want bytes may be framed, and returns how many.
func (r *runner) awaitRoom(want int) (int, error) {
	s, st := r.s, r.st
	if r.share >= fairShare && r.t.Worker().Mine() {
		r.share = 0
		r.t.Pause()
	}
	var waited error
	for {
		if err := r.gone(); err != nil {
			return 0, err
		}
		if s.full() {
			if s.flush(); s.phase == over {
				continue
			}
		}
		if n := s.room(st, want); n > 0 && s.order.mayWrite(st) {
			s.order.remove(st)
			return n, nil
		}
		if waited != nil {
			s.order.forget(s, st)
			return 0, waited
		}
		if !r.queue() {
			continue
		}
		s.kick()
		if waited = r.await(&st.room); waited == transport.ErrTimeout && r.othersMove() {
			waited = nil
		}
	}
}

// othersMove reports whether the stream has only waited for its turn, as those that are more urgent
// have used what the client takes: then that is not too slow, and its time begins anew.
func (r *runner) othersMove() bool {
	if !r.st.listed || r.s.sent-r.seen < progress*uint64(r.s.handlers) {
		return false
	}
	r.by = 0
	return true
}

// queue puts the stream in line. It reports false if it has the turn by then.
func (r *runner) queue() bool {
	s, st := r.s, r.st
	if st.wide() {
		s.order.add(st)
		s.order.pump(s)
	} else {
		s.order.forget(s, st)
	}
	return s.order.turn != st
}

// await waits at a gate, for as long as a write may go on without progress.
func (r *runner) await(at *loop.Gate) error {
	limit := time.Duration(0)
	if !r.writeBy.IsZero() {
		limit = max(time.Until(r.writeBy), 1)
	} else if _, pause := r.x.Pauses(); pause > 0 {
		now := r.t.Clock()
		if r.by == 0 {
			r.by, r.seen = now+int64(pause), r.s.sent
		}
		if limit = time.Duration(r.by - now); limit <= 0 {
			return transport.ErrTimeout
		}
	}
	return r.t.Await(transport.Killed, limit, at)
}

// awaitSpace waits until a head may be appended: a client that does not read gets so many only.
func (r *runner) awaitSpace() error {
	var waited error
	for {
		if r.s.full() && r.s.phase != over {
			r.s.flush()
		}
		switch err := r.gone(); {
		case err != nil:
			return r.losing(err)
		case !r.s.full():
			return nil
		case waited != nil:
			return r.losing(waited)
		}
		waited = r.await(&r.s.space)
	}
}

// losing notes that something of what was to be sent is missing.
func (r *runner) losing(err error) error {
	r.abort()
	return err
}

// File implements transport.Stream. Each piece is read when there is room for it, so that nothing
// is held while the client does not read.
func (r *runner) File(f *os.File, off, n int64) error {
	switch {
	case r.phase == givenUp:
		return transport.ErrGone
	case r.phase != streaming:
		return transport.ErrOver
	case r.none:
		return nil
	}
	for n > 0 {
		room, err := r.awaitRoom(int(min(n, h2frame.MaxFrame)))
		if err != nil {
			return r.losing(err)
		}
		buf := r.t.Loop().Scratch()[:room]
		m, err := f.ReadAt(buf, off)
		if m > 0 {
			r.piece(buf[:m], int64(m) == n)
			off, n = off+int64(m), n-int64(m)
			continue
		}
		r.s.order.pass(r.s, r.st)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.Cut()
		return err
	}
	r.s.order.pass(r.s, r.st)
	return nil
}

// Flush implements transport.Stream.
func (r *runner) Flush() error {
	if r.st == nil || r.phase == givenUp {
		return nil
	}
	if r.s.phase != over {
		r.s.flush()
	}
	return r.gone()
}

// Close implements transport.Stream.
func (r *runner) Close(trailer []transport.Field) error {
	switch {
	case r.phase == givenUp:
		return transport.ErrGone
	case r.phase != streaming && r.phase != raw:
		return transport.ErrOver
	}
	s, st := r.s, r.st
	if err := r.gone(); err != nil {
		return r.losing(err)
	}
	switch {
	case st.sent:
	case r.left > 0:
		r.Cut()
		return io.ErrUnexpectedEOF
	case len(trailer) > 0 && r.left < 0:
		if err := r.awaitSpace(); err != nil {
			return err
		}
		r.appendTrailer(trailer)
	case r.writes == s.writes && r.lastAt < len(s.out):
		s.out[r.lastAt+4] |= h2frame.EndStream // of the last frame, which is still here
	default:
		s.out = h2frame.AppendHeader(s.buffer(), h2frame.Data, h2frame.EndStream, st.id, 0)
	}
	st.sent = true
	if r.phase = done; r.head.WebSocket { // nobody knows when its handler returns
		s.kick()
	}
	return nil
}

// appendTrailer appends a trailer section.
func (r *runner) appendTrailer(trailer []transport.Field) {
	s := r.s
	at := len(s.buffer())
	s.out = h2frame.AppendHeader(s.out, h2frame.Headers, h2frame.EndStream|h2frame.EndHeaders,
		r.st.id, 0)
	for _, f := range trailer {
		s.out = h2frame.AppendField(s.out, f.Name, strings.Trim(f.Value, " \t"))
	}
	s.endBlock(at)
}

// Cut implements transport.Stream. A WebSocket ends by it, as its handler has returned.
func (r *runner) Cut() {
	if r.phase == raw {
		_ = r.Close(nil) // it fails where there is nobody to be told
		return
	}
	r.abort()
}

// abort resets the stream, so that its client sees that something is missing.
func (r *runner) abort() {
	if r.phase != held && r.phase != streaming && r.phase != raw {
		return
	}
	r.phase = givenUp
	s, st := r.s, r.st
	if st == nil || st.reset || s.phase == over { // others have its turn: session.stop
		return
	}
	st.reset = true
	s.refuse(st.id, h2frame.InternalError)
	s.order.forget(s, st)
	s.kick()
}
