package lwan

import (
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Pace bounds how fast the content of an answer goes out.
type Pace struct {
	BytesPerSecond int64     // 0: no bound of its own
	After          int64     // bytes that go out at full speed first
	Shared         []*Bucket // bounds that it shares with others
}

// Bucket is a bound that several answers share: those to an address, to a user, of a site. Make it
// with NewBucket: the zero value bounds nothing. It may be used from any number of loops at the same time.
type Bucket struct {
	mu   sync.Mutex // held for a few additions
	rate int64      // bytes a second
	next time.Time  // when the next byte may go
}

// NewBucket makes a bound of so many bytes a second, at least 1.
func NewBucket(bytesPerSecond int64) *Bucket { return &Bucket{rate: max(bytesPerSecond, 1)} }

// take reserves n bytes, and returns how long they have to wait.
func (b *Bucket) take(n int64, now time.Time) (wait time.Duration) {
	if b.rate == 0 {
		return 0 // a zero value
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next.Before(now) {
		b.next = now
	}
	wait = b.next.Sub(now)
	b.next = b.next.Add(time.Duration(float64(n) / float64(b.rate) * float64(time.Second)))
	return wait
}

// What is sent at a time: a fraction of a second's worth.
const (
	paceFraction = 8
	paceLeast    = 256
	paceMost     = 128 << 10
	pacePause    = time.Second // at a time: then it is seen whether the client still reads
)

// pacer is the Pace of one answer.
type pacer struct {
	after   int64
	piece   int64
	buckets []*Bucket
}

// SetPace bounds how fast the content of this answer goes out from now on, files too, in place of
// what was set before: the handler waits meanwhile, and holds no loop. An answer that has become an
// upgraded connection or a subscription has no pace.
func (r *Response) SetPace(p Pace) {
	r.mustLive()
	rate := int64(paceMost * paceFraction)
	pc := &pacer{after: p.After}
	if p.BytesPerSecond > 0 {
		pc.buckets = append(pc.buckets, NewBucket(p.BytesPerSecond))
	}
	pc.buckets = append(pc.buckets, p.Shared...)
	for _, b := range pc.buckets {
		rate = min(rate, b.rate)
	}
	pc.piece = min(max(rate/paceFraction, paceLeast), paceMost)
	if r.pace = pc; len(pc.buckets) == 0 {
		r.pace = nil
	}
}

// WithPace bounds the answers of a route or a group. The innermost counts; see Response.SetPace.
func WithPace(p Pace) Middleware {
	return func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			resp.SetPace(p)
			return next(req, resp)
		}
	}
}

// take is how many of n bytes may go next, after that wait.
func (p *pacer) take(n int64) (piece int64, wait time.Duration) {
	if p.after > 0 {
		piece = min(n, p.after)
		p.after -= piece
		return piece, 0
	}
	piece = min(n, p.piece)
	now := time.Now()
	for _, b := range p.buckets {
		wait = max(wait, b.take(piece, now))
	}
	return piece, wait
}

// write is Stream.Write at the answer's pace. It is called outside of the program's code.
func (r *Response) write(p []byte) error {
	if r.pace == nil || !r.answer.Content {
		return r.req.by.Write(p)
	}
	return r.paced(int64(len(p)), func(off, n int64) error { return r.req.by.Write(p[off : off+n]) })
}

// writeFile is Stream.File at the answer's pace.
func (r *Response) writeFile(f *os.File, off, n int64) error {
	if r.pace == nil || !r.answer.Content {
		return r.req.by.File(f, off, n)
	}
	return r.paced(n, func(at, n int64) error { return r.req.by.File(f, off+at, n) })
}

// paced sends n bytes in pieces.
func (r *Response) paced(n int64, send func(off, n int64) error) error {
	for off := int64(0); off < n; {
		piece, wait := r.pace.take(n - off)
		if err := r.pause(wait); err != nil {
			return err
		}
		if err := send(off, piece); err != nil {
			return err
		}
		off += piece
	}
	return nil
}

// pause lets d pass, with what was written on its way. A client that has closed its side still
// reads.
func (r *Response) pause(d time.Duration) error {
	for d > 0 {
		if err := r.req.by.Flush(); err != nil {
			return err
		}
		step := min(d, pacePause)
		err := r.req.on.Wait(func(func()) {}, step, transport.Killed)
		if err != transport.ErrPause {
			return err
		}
		d -= step
	}
	return nil
}

// sendPaced is sendWhole for content that does not go out at once.
func (r *Response) sendPaced(st Status, body []byte) error {
	a := r.describe(st, r.wholeLength(st, len(body)))
	if err := r.req.by.Head(a); err != nil {
		return err
	}
	if err := r.write(body); err != nil {
		return err
	}
	return r.req.by.Close(r.trailers)
}
