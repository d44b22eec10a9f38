package gateway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process starts a backend. Each process is a member of the group by itself, with a socket of its
// own. One that has ended is started anew, at once; ones that live for less than a second, and
// serve no request, after a pause. Meanwhile requests wait, in the socket where that is ours
// (OnStdin), else in Group.Queue, as they do while one is replaced that has had its Recycle.
//
// The processes end with the group: by Signal, and by SIGKILL when that does not help; on Linux
// also when the server itself is killed. They have no descriptor of the server's but the socket and
// a pipe for what they say. The sockets are in a directory golwan-... of TMPDIR; one that a server
// left there that was killed is removed by the next one.
type Process struct {
	Command []string          // program and arguments
	Dir     string            // where it runs; "": where the server does
	Env     map[string]string // beyond Inherit
	Inherit []string          // names of variables passed on; nil: PATH, HOME, USER, LANG, TZ
	Listen  Listen

	Min int // processes: 1
	// Max is up to how many are started while all are busy; 0: Min. One is busy with
	// Backend.MaxConns requests, which is 1 where that is not set.
	Max      int
	IdleTime time.Duration  // after which one more than Min, without requests, is ended: 60 s
	Ready    time.Duration  // in which one that listens by itself must do so: 10 s
	Recycle  int64          // requests after which one is replaced; 0: never
	Signal   syscall.Signal // that ends one: SIGTERM
	Kill     time.Duration  // after which SIGKILL follows: 10 s
}

// Listen says how a process gets its socket.
type Listen uint8

// The ways.
const (
	// OnStdin makes a listening unix socket its standard input: FastCGI, and SCGI as lighttpd and
	// spawn-fcgi start it.
	OnStdin Listen = iota
	// ByPort lets it listen by itself, on 127.0.0.1 and the port in the variable PORT.
	ByPort
	// BySocket lets it listen by itself, on a unix socket of the path in the variable SOCKET.
	BySocket
)

func (c *Process) check() error {
	switch {
	case len(c.Command) == 0:
		return errors.New("Process: Command is empty")
	case c.Min < 0 || c.Max != 0 && c.Max < c.min():
		return fmt.Errorf("Process: from %d to %d processes", c.Min, c.Max)
	case c.Listen > BySocket:
		return fmt.Errorf("Process: there is no Listen %d", c.Listen)
	}
	return canSpawn
}

func (c *Process) signal() syscall.Signal  { return orDefault(c.Signal, syscall.SIGTERM) }
func (c *Process) patience() time.Duration { return orDefault(c.Kill, 10*time.Second) }

func (c *Process) min() int { return orDefault(c.Min, 1) }
func (c *Process) max() int { return orDefault(c.Max, c.min()) }

// environ is the environment of a process.
func (c *Process) environ(more ...string) (env []string) {
	names := c.Inherit
	if names == nil {
		names = []string{"PATH", "HOME", "USER", "LANG", "TZ"}
	}
	return append(environ(names, c.Env), more...)
}

// environ is an environment of variables that are passed on, and others.
func environ(names []string, set map[string]string) (env []string) {
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

// slot is a place for a process: a member of the group, whether or not a process runs in it. Its
// supervisor, a goroutine, starts one process after the other until it is told to stop.
//
//	starting ──runs, or takes a connection──▶ running ──exit──▶ starting, or a pause before that
//	running ──stop, recycle──▶ stopping (Signal; SIGKILL after Process.Kill)
type slot struct {
	pool    *pool
	of      *Process
	member  *member
	backend int // its number in Group.Backends
	number  int
	socket  *os.File // OnStdin: the listening socket; the supervisor's while that runs
	path    string   // of it
	port    string   // ByPort

	// owned by the group's manager
	quit  func() // tells the supervisor to stop; nil: it does not run
	since time.Time
	base  int64 // requests of the member when the process began

	known bool // first is closed; the supervisor's

	first   chan struct{} // closed when it is known whether the first process runs
	recycle chan struct{} // for the supervisor
	ended   chan struct{} // closed by it
}

// slots makes the places for a backend's processes, and their sockets.
func (p *pool) newSlots(b *Backend, backend int) error {
	if err := b.Process.check(); err != nil {
		return err
	}
	if b.Address != "" {
		return fmt.Errorf("backend %s has an address and a Process", b.Address)
	}
	if p.dir == "" {
		var err error
		if p.dir, p.lock, err = makeDir(); err != nil {
			return err
		}
	}
	for i := range b.Process.max() {
		s := &slot{pool: p, of: b.Process, backend: backend, number: i,
			first: make(chan struct{}), recycle: make(chan struct{}, 1)}
		s.path = filepath.Join(p.dir, fmt.Sprintf("%d-%d", len(p.slots), i))
		if err := s.open(); err != nil {
			return err
		}
		p.slots = append(p.slots, s)
	}
	return nil
}

// address is where the slot's process is reached.
func (s *slot) address() string {
	if s.of.Listen == ByPort {
		return "127.0.0.1:" + s.port
	}
	return "unix:" + s.path
}

// variables are those that tell a process where to listen.
func (s *slot) variables() []string {
	switch s.of.Listen {
	case ByPort:
		return []string{"PORT=" + s.port}
	case BySocket:
		return []string{"SOCKET=" + s.path}
	}
	return nil
}

// name is what the log calls the slot's process.
func (s *slot) name() string {
	return fmt.Sprintf("%s %d", strings.Join(s.of.Command[:1], ""), s.number)
}
