package relay

import "github.com/golwan/golwan/lwan/internal/transport"

// Pipe is an end of a tunnel.
type Pipe interface {
	transport.Pipe
	// CloseWrite sends the end of the stream.
	CloseWrite() error
	// Abort ends the Pipe so that its peer sees a reset: something is missing.
	Abort()
}

// Owner is told of the end of a Pair. It is called on the loop, once, and must not wait.
type Owner interface{ Over(cause error) }

// Config of a Pair.
type Config struct {
	Idle  uint32 // seconds without a byte in either direction, then both ends are closed; 0: any
	Grace uint32 // seconds that draining leaves to it; 0: none
}

// Pair is a tunnel. It is the Session of both Pipes.
//
//	both open ──FIN of one──▶ half open ──FIN of the other, passed on──▶ over
//	any ──an error of one──▶ over: the other is reset, as bytes may be missing
//	any ──idle for too long, the grace of draining is over, somebody ends a Pipe──▶ over
type Pair struct {
	cfg    Config
	owner  Owner
	a, b   Pipe // the time of both is that of a
	ab, ba flow
	used   int64 // when the last byte moved
	until  int64 // the end of the grace; 0: it has not begun
	over   bool
}

// flow is one direction.
type flow struct {
	from, to Pipe
	kept     []byte // was read, and not taken yet
	moved    int64  // bytes that the other side has taken
	ended    bool   // the end of the stream was read
	passed   bool   // and passed on
}

var _ transport.Session = (*Pair)(nil)

// Start joins a and b. toB is what was read of a already, and toA of b.
func (p *Pair) Start(a, b Pipe, cfg Config, owner Owner, toB, toA []byte) {
	p.cfg, p.owner, p.a, p.b = cfg, owner, a, b
	p.ab = flow{from: a, to: b, kept: toB}
	p.ba = flow{from: b, to: a, kept: toA}
	p.used = a.Loop().Now()
	a.Attach(p)
	b.Attach(p)
	p.watch(int64(cfg.Idle) * second)
}

const second = 1e9

// watch looks at the time when so many nanoseconds have passed; 0: it does not.
func (p *Pair) watch(left int64) {
	p.a.Expire(uint32(min((left+second-1)/second, 1<<31)))
}

// Moved is how many bytes went from a to b, and back.
func (p *Pair) Moved() (ab, ba int64) { return p.ab.moved, p.ba.moved }

// Ready implements transport.Session.
func (p *Pair) Ready(transport.Pipe) {
	if p.over {
		return
	}
	if err := p.pump(&p.ab); err != nil {
		p.fail(err)
		return
	}
	if err := p.pump(&p.ba); err != nil {
		p.fail(err)
		return
	}
	if p.ab.passed && p.ba.passed {
		p.finish(nil, func(q Pipe) { q.End(transport.Close) })
	}
}

// share is how much of one direction is moved before others have a turn.
const share = 1 << 20

// pump moves what there is in one direction, until nothing comes, or the other side takes nothing.
func (p *Pair) pump(f *flow) error {
	for left := share; !f.passed; {
		if left <= 0 {
			f.from.Again()
			return nil
		}
		n, err := f.step()
		if n > 0 {
			p.used = p.a.Loop().Now()
			left -= n
		}
		if err == transport.ErrAgain {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// step moves a piece; ErrAgain: nothing can be moved now.
func (f *flow) step() (n int, err error) {
	if len(f.kept) > 0 {
		n, err = f.to.TryWrite(f.kept)
		n = max(n, 0)
		f.moved += int64(n)
		if f.kept = f.kept[n:]; len(f.kept) == 0 {
			f.kept = nil
		}
		return n, err
	}
	if f.ended {
		f.passed = true
		// it fails if the other side has closed altogether: its own direction tells
		_ = f.to.CloseWrite()
		return 0, nil
	}
	buf := f.from.Loop().Scratch()
	got, err := f.from.TryRead(buf)
	switch {
	case err != nil:
		return 0, err
	case got == 0:
		f.ended = true
		return 0, nil
	}
	n, err = f.to.TryWrite(buf[:got])
	n = max(n, 0)
	f.moved += int64(n)
	if n < got && (err == nil || err == transport.ErrAgain) {
		f.kept = append([]byte(nil), buf[n:got]...)
	}
	return n, err
}

// Expired implements transport.Session.
func (p *Pair) Expired(transport.Pipe) {
	if p.over {
		return
	}
	now, end, cause := p.a.Loop().Now(), int64(0), transport.ErrTimeout
	if p.cfg.Idle > 0 {
		end = p.used + int64(p.cfg.Idle)*second
	}
	if p.until > 0 && (end == 0 || p.until < end) {
		end, cause = p.until, transport.ErrStopping
	}
	switch {
	case end == 0:
	case end <= now:
		p.finish(cause, func(q Pipe) { q.End(transport.Close) })
	default:
		p.watch(end - now)
	}
}

// Draining implements transport.Session.
func (p *Pair) Draining(transport.Pipe) {
	if p.over || p.until > 0 {
		return
	}
	if p.cfg.Grace == 0 {
		p.finish(transport.ErrStopping, func(q Pipe) { q.End(transport.Close) })
		return
	}
	now, left := p.a.Loop().Now(), int64(p.cfg.Grace)*second
	p.until = now + left
	if p.cfg.Idle > 0 {
		left = min(left, max(p.used+int64(p.cfg.Idle)*second-now, 1))
	}
	p.watch(left)
}

// AtRest implements transport.Session.
func (p *Pair) AtRest(transport.Pipe) bool { return false }

// Ended implements transport.Session.
func (p *Pair) Ended(q transport.Pipe, cause error) {
	if p.over {
		return
	}
	other := p.a
	if q == transport.Pipe(p.a) {
		other = p.b
	}
	p.over = true
	other.Abort()
	p.tell(cause)
}

// fail ends a Pair of which one side is lost.
func (p *Pair) fail(cause error) { p.finish(cause, Pipe.Abort) }

func (p *Pair) finish(cause error, end func(Pipe)) {
	p.over = true
	end(p.a)
	end(p.b)
	p.tell(cause)
}

// tell lets go of the Pipes, and tells the owner.
func (p *Pair) tell(cause error) {
	p.a, p.b = nil, nil
	p.ab = flow{moved: p.ab.moved}
	p.ba = flow{moved: p.ba.moved}
	p.owner.Over(cause)
}
