package gateway

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan"
)

// verdict is what a request has shown of its member.
type verdict uint8

const (
	nothing verdict = iota // as when its client has left
	well
	badly
)

// errNoneUp is returned when no backend of a group can be used.
var errNoneUp = errors.New("no backend can be used")

// errFull is returned when every backend is full, and so is the queue, or the wait too long. It is
// a kind of ErrBusy, which is not logged more than once in a while.
var errFull = fmt.Errorf("every backend is full: %w", lwan.ErrBusy)

// try chooses a member at once, or none.
func (p *pool) try(w *wish) (pick, bool) {
	k, why := p.roster.Load().choose(w, p.now())
	return k, why == chosen
}

// acquire chooses a member, and waits for a place at one if all are full. req is nil for those who
// cannot wait.
func (p *pool) acquire(req *lwan.Request, w *wish) (pick, error) {
	k, why := p.roster.Load().choose(w, p.now())
	switch {
	case why == chosen:
		return k, nil
	case why == noneUp:
		return pick{}, errNoneUp
	case req == nil || p.queue.max <= 0:
		return pick{}, errFull
	}
	return p.lineUp(req, w)
}

// lineUp waits in the queue.
func (p *pool) lineUp(req *lwan.Request, w *wish) (pick, error) {
	woken := lwan.Queue[struct{}]{Cap: 1}
	me := &waiter{wish: w, wake: func() { woken.Push(struct{}{}) }}
	if !p.queue.enter(me, p.try) {
		return pick{}, errFull
	}
	settled := false
	defer func() { // also when the handler is unwound
		if k, ok := p.queue.leave(me); ok && !settled {
			p.release(k, nothing)
		}
	}()
	if p.wait > 0 {
		late := time.AfterFunc(p.wait, woken.Close)
		defer late.Stop()
	}
	_, err := woken.Pop(req)
	if err != nil && err != io.EOF {
		return pick{}, err
	}
	k, ok := p.queue.leave(me)
	settled = true
	if !ok {
		return pick{}, errFull
	}
	return k, nil
}

// release gives back what acquire has given.
func (p *pool) release(k pick, v verdict) {
	if v == well && k.process {
		k.served.Add(1)
	}
	switch {
	case v == well && k.trial:
		k.succeed(p.now())
	case v == badly:
		rules := &p.policy
		if len(p.roster.Load().members) == 1 { // there is nobody else
			lone := *rules
			lone.maxFails = 0
			rules = &lone
		}
		k.fail(p.now(), k.trial, rules)
	case k.trial:
		k.abandon(p.now())
	}
	k.active.Add(-1)
	p.queue.pump(p.try)
}

// retryAfter is the value of the field of that name when no backend can be used; "": nobody knows.
func (p *pool) retryAfter() string {
	at := p.roster.Load().restEnds()
	if at == 0 {
		return ""
	}
	return strconv.FormatInt(max((at-p.now()+999)/1000, 1), 10)
}

// Lease is the use of a backend by a handler of the program's own, which has to call Done once:
// until then the backend counts as busy with it, also when the request is long over. Put it into a
// defer.
type Lease struct {
	pool *pool
	pick pick
	over bool
}

// Done ends it, once; further calls do nothing. err is what went wrong with the backend, nil if
// nothing did; a failure of the client's is none of the backend's.
func (l *Lease) Done(err error) {
	if l.over {
		return
	}
	l.over = true
	v := well
	if err != nil {
		v = badly
		if overByItself(err) || errors.Is(err, lwan.ErrBusy) {
			v = nothing
		} else {
			l.pick.failed.Add(1)
		}
	}
	l.pool.release(l.pick, v)
}

// Address is that of the backend.
func (l *Lease) Address() string { return l.pick.address }

// overByItself reports whether err is about the request and not about a backend.
func overByItself(err error) bool {
	for _, e := range []error{lwan.ErrGone, lwan.ErrTimeout, lwan.ErrStopping, lwan.ErrForeign,
		lwan.ErrOver} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Get chooses a backend and connects to it, for handlers of your own; other backends are tried if
// it cannot be reached. Return the outcome to the Lease. Fail answers the errors with 502, 503 or
// 504.
func (g *Group) Get(req *lwan.Request) (*lwan.Conn, *Lease, error) {
	p := g.pool.Load()
	if p == nil {
		return nil, nil, errors.New("gateway: the group is not open")
	}
	w := p.wishOf(req)
	var last error
	for range g.Retry.tries() {
		k, err := p.acquire(req, &w)
		if err != nil {
			return nil, nil, p.failure(nil, orErr(last, err))
		}
		l := &Lease{pool: p, pick: k}
		c, err := connect(req, l)
		if err == nil {
			return c, l, nil
		}
		if overByItself(err) || errors.Is(err, lwan.ErrBusy) {
			return nil, nil, p.failure(k.member, err)
		}
		w.been, last = append(w.been, k.member), p.failure(k.member, err)
	}
	return nil, nil, last
}

// connect opens a connection for a lease, which it ends if that fails, in whatever way.
func connect(req *lwan.Request, l *Lease) (c *lwan.Conn, err error) {
	err = lwan.ErrGone // as long as it parks: who is unwound there has no client any more
	defer func() {
		if c == nil {
			l.Done(err)
		}
	}()
	c, err = l.pick.dialer.Get(req)
	return c, err
}

// orErr is the first that is not nil.
func orErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
