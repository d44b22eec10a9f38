package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Group is a set of backends that can answer the same requests. Give the address of one to several
// modules to share it: the first of them opens it, and the last one that ends closes it. It serves
// one server at a time. Its fields must not change then. For numbers and times zero means the
// default and negative none.
type Group struct {
	Name     string    // for logs and metrics; "": the first backend's address
	Backends []Backend // at least one
	Balance  Balance   // LeastConns
	Key      Key       // of Hash: KeyURI

	// Cookie, if not "", makes the group sticky: a cookie of that name holds a signed mark of the
	// backend that a client was given first. Without a valid one Balance chooses.
	Cookie string
	// CookieKey signs the marks; nil: a random one, new at each start, which ends all of them.
	CookieKey []byte

	MaxFails  int           // failures within FailTime after which a backend rests: 1
	FailTime  time.Duration // 10 s
	Rest      time.Duration // how long it rests: 1 s, twice as long each time, up to RestMost
	RestMost  time.Duration // 30 s; then one request tries it
	SlowStart time.Duration // in which the share of one that comes back grows to all: none
	Health    *Health       // nil: only requests tell

	Retry Retry
	Queue Queue // for requests that find every backend full

	// Conns says how connections are made: all fields but Address and Network, for each backend.
	Conns lwan.Dialer

	mu     sync.Mutex // guards what follows
	users  int        // modules that have opened it
	server *lwan.Server
	pool   atomic.Pointer[pool] // nil: it is closed
}

// Backend is one member of a Group.
type Backend struct {
	Address  string   // "host:port", "unix:/path", "@abstract"; each address of a name is a member
	Weight   int      // 1
	Backup   bool     // only while no other can be used
	Down     bool     // not used at all: taken out by hand
	MaxConns int      // requests and tunnels at a time: no limit; with Process 1
	Process  *Process // what is started, in place of an address
}

// Queue is where requests wait while every backend is full, first in, first out.
type Queue struct {
	Max  int           // 256; beyond it 503
	Wait time.Duration // 5 s; then 503
}

// pool is a group at work.
type pool struct {
	// constant
	name   string
	group  *Group
	log    *slog.Logger
	dir    string   // of sockets; "": there are none
	lock   *os.File // that says whose it is
	slots  []*slot
	spawns chan func()
	start  time.Time
	policy policy
	wait   time.Duration // in the queue
	key    []byte        // of marks
	look   func(ctx context.Context, host string) ([]string, error)

	roster atomic.Pointer[roster]
	says   chan said
	unsaid atomic.Int64 // lines that were too many
	queue  queue
	budget budget

	life  context.Context // of the group's goroutines
	quit  context.CancelFunc
	works sync.WaitGroup // goroutines that may say something
	ends  sync.WaitGroup // who writes it
}

// Open makes the group ready, and starts its goroutines; modules do it. It fails if the name of a
// backend cannot be looked up.
func (g *Group) Open(s *lwan.Scope) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users > 0 && g.server != s.Server() {
		return errors.New("the group is in use by another server")
	}
	if g.users == 0 {
		p, err := newPool(g, s.Log)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.name(), err)
		}
		g.server = s.Server()
		g.pool.Store(p)
		p.run()
	}
	g.users++
	s.OnClose(g.close)
	return nil
}

func (g *Group) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users--; g.users > 0 {
		return nil
	}
	p := g.pool.Swap(nil)
	g.server = nil
	p.quit()
	p.works.Wait()
	close(p.says) // nobody says anything any more
	p.ends.Wait()
	errs := []error{p.closeSlots()}
	for _, m := range p.roster.Load().members {
		errs = append(errs, m.dialer.Close())
	}
	return errors.Join(errs...)
}

func (g *Group) name() string {
	if g.Name != "" || len(g.Backends) == 0 {
		return g.Name
	}
	b := &g.Backends[0]
	if b.Address == "" && b.Process != nil && len(b.Process.Command) > 0 {
		return b.Process.Command[0]
	}
	return b.Address
}

func newPool(g *Group, log *slog.Logger) (*pool, error) {
	if len(g.Backends) == 0 {
		return nil, errors.New("there is no backend")
	}
	p := &pool{
		name: g.name(), group: g, log: log, start: time.Now(), key: g.CookieKey,
		policy: policy{
			maxFails: max(orDefault(g.MaxFails, 1), 0),
			failTime: millis(g.FailTime, 10*time.Second),
			rest:     millis(g.Rest, time.Second),
			restMost: millis(g.RestMost, 30*time.Second),
		},
		wait:   orDefault(g.Queue.Wait, 5*time.Second),
		queue:  queue{max: orDefault(g.Queue.Max, 256)},
		budget: budget{part: max(orDefault(g.Retry.Budget, 0.2), 0), spare: 3},
		look:   lookUp, says: make(chan said, maxSaid),
	}
	p.life, p.quit = context.WithCancel(context.Background())
	if g.Cookie != "" && p.key == nil {
		p.key = make([]byte, 32)
		_, _ = rand.Read(p.key) // never fails
	}
	for i := range g.Backends {
		if b := &g.Backends[i]; b.Process != nil {
			if err := p.newSlots(b, i); err != nil {
				return nil, errors.Join(err, p.closeSlots())
			}
		}
	}
	if err := p.enlist(true); err != nil {
		return nil, errors.Join(err, p.closeSlots())
	}
	return p, nil
}

// millis is a time in milliseconds; 0 if it is negative.
func millis(d, otherwise time.Duration) int64 {
	return max(orDefault(d, otherwise), 0).Milliseconds()
}

// now is the group's clock: milliseconds since its start.
func (p *pool) now() int64 { return p.at(time.Now()) }

func (p *pool) at(t time.Time) int64 { return t.Sub(p.start).Milliseconds() }

// run starts the goroutines that the group needs.
func (p *pool) run() {
	p.ends.Go(p.write)
	if len(p.slots) > 0 {
		p.runProcesses()
	}
	for _, b := range p.group.Backends {
		if host, _ := nameOf(b.Address); host != "" {
			p.works.Go(p.resolve)
			break
		}
	}
	if p.group.Health != nil {
		p.works.Go(p.watch)
	}
}

// SetDown takes the backends of that address out of use, or brings them back; what they have under
// way goes on. It is for any goroutine.
func (g *Group) SetDown(address string, down bool) error {
	p := g.pool.Load()
	if p == nil {
		return errors.New("gateway: the group is not open")
	}
	found := false
	for _, m := range p.roster.Load().members {
		if m.address != address && m.name != address {
			continue
		}
		found = true
		if down {
			m.hold(p.now(), byHand)
		} else if m.lift(p.now(), byHand) {
			p.queue.pump(p.try)
		}
	}
	if !found {
		return fmt.Errorf("gateway: group %s has no backend %s", p.name, address)
	}
	return nil
}
