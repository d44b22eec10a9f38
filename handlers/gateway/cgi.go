package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan"
)

// CGIConfig is of CGI. For numbers and times zero means the default and negative none.
type CGIConfig struct {
	Common // To is not used: the group is the module's own

	// Dir has the programs. The first name of a path below the mount chooses one of its files,
	// never by a link that leads out of it, and the rest of the path is PATH_INFO.
	Dir string

	// Programs says which program runs a file, by the end of its name: {".py": "/usr/bin/python3"}.
	// "" is for those that are executable themselves; nil means {"": ""}, so that all have to be.
	Programs map[string]string

	Env     map[string]string // variables beyond those of RFC 3875
	Inherit []string          // names of variables passed on; nil: PATH

	MaxAtOnce int           // programs that run: 64; beyond it Queue
	Queue     Queue         // for requests while so many run
	Kill      time.Duration // from SIGTERM to SIGKILL: 5 s

	// Stream lets answers go out as they come. Else they are held back up to Limits.Buffer, so that
	// a slow client holds no program; but for those with X-Accel-Buffering: no, and event streams.
	Stream bool
}

// CGI starts a program for each request (RFC 3875), on Unix, when all of the request's content has
// come: that is its standard input, beyond 64 KiB a file without a name, in TMPDIR, of Limits.Body
// at most. Its standard output, a socket, is the answer, which ends with the program or when it
// closes that. What it writes to its standard error is logged. Its environment is exactly what
// CGIConfig says and the variables of the request, without those that could be mistaken for another
// (Proxy), and without credentials (Authorization); it has no descriptor of the server's, and runs
// in Dir. The query is never an argument. A Location that is a path is sent to the client, with
// 302, and not answered here (section 6.2.2): a program reaches no route that its client cannot.
// One that writes a status line, as for NPH, is 502.
//
// A program is killed, with all of its process group, when its client has left, when a time of
// Timeouts is over, or when it goes on for longer than Kill behind its answer: by SIGTERM, and
// SIGKILL after Kill. On Linux it does not survive the server. One that cannot be started is 500,
// one that ends without a head 502.
var CGI = lwan.Module[CGIConfig]{Name: "cgi", Open: openCGI}

func openCGI(s *lwan.Scope, c CGIConfig) error {
	if canSpawn != nil {
		return canSpawn
	}
	if err := c.check(); err != nil {
		return err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	s.OnClose(root.Close)
	sc, err := newScripts(s, ScriptConfig{})
	if err != nil {
		return err
	}
	sc.programs = true
	c.Common.To = &Group{
		Name: "cgi " + dir, Queue: c.Queue, Retry: Retry{Tries: -1},
		Backends: []Backend{{ // nobody connects to it: see cgi.launch
			Address: "unix:" + dir, MaxConns: max(orDefault(c.MaxAtOnce, 64), 0),
		}},
	}
	p := &cgi{CGIConfig: c, scripts: sc, dir: dir, root: root}
	g, err := c.Common.open(s, p, newMapping(prefixes{}, nil, nil))
	if err != nil {
		return err
	}
	p.launcher = newLauncher(g.pool, max(orDefault(c.Kill, 5*time.Second), 0))
	s.OnClose(p.launcher.close)
	g.holds, g.scripts, g.launch = !c.Stream, sc, p.launch
	s.Handle("* /", g.serve)
	return nil
}

func (c *CGIConfig) check() error {
	switch {
	case c.Common.To != nil:
		return errors.New("CGIConfig.To is set: a program is started for each request")
	case c.Dir == "":
		return errors.New("CGIConfig.Dir is empty")
	}
	for ext, by := range c.Programs {
		if ext != "" && (ext[0] != '.' || by == "") {
			return fmt.Errorf("in CGIConfig.Programs %q: %q names no program for a kind of file",
				ext, by)
		}
	}
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return fmt.Errorf("in CGIConfig.Env %q cannot be a variable", name)
		}
	}
	return nil
}

// cgi speaks with a program by a socket that is its standard input and output.
type cgi struct {
	CGIConfig
	*scripts
	dir      string
	root     *os.Root
	launcher *launcher
}

func (c *cgi) compose(*passage) error { return nil } // launch has told it all

// stream has nothing to do: what does not fit into the socket is in a file.
func (c *cgi) stream(*passage) error { return nil }

// answers ends the program's standard input first: nothing more is sent.
func (c *cgi) answers(x *passage) (io.Reader, lwan.ReplyKind) {
	_ = x.conn.CloseWrite() // a program that has gone is found when it is read from
	return x.conn, lwan.ReplyCGI
}

func (c *cgi) keep(*passage) bool { return false }

func (c *cgi) buffered(*passage) bool { return false }

// launch starts the program of a request, and connects to it.
func (c *cgi) launch(x *passage) (*lwan.Conn, error) {
	name := strings.TrimPrefix(x.script.name, c.prefix+"/")
	var env []string
	x.req.Borrow(func() { env = c.environment(x, name) })
	var socket *os.File
	defer func() { // also when the handler is unwound
		if socket != nil {
			_ = socket.Close()
		}
	}()
	err := x.req.Await(func(context.Context) (err error) {
		command, err := c.command(name)
		if err != nil {
			return err
		}
		x.run, socket, err = c.launcher.start(command, c.dir, env, x.file)
		if err != nil {
			err = &lwan.Error{Status: 500, Err: fmt.Errorf("gateway: %s: %w", name, err)}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	f := socket
	socket = nil
	return lwan.Adopt(x.req, f)
}

// command is what runs a file. Its directory may be slow, so this is not for loops.
func (c *cgi) command(name string) ([]string, error) {
	switch info, err := c.root.Stat(name); {
	case err != nil: // a link out of Dir as well: nothing is told of it
		return nil, &lwan.Error{Status: 404, Err: fmt.Errorf("gateway: the program: %w", err)}
	case !info.Mode().IsRegular():
		return nil, errNoScript
	}
	file, by, known := filepath.Join(c.dir, name), "", c.Programs == nil
	for ext, program := range c.Programs {
		if strings.HasSuffix(name, ext) && (!known || ext != "") {
			by, known = program, true
		}
	}
	switch {
	case !known:
		return nil, errNoScript
	case by != "":
		return []string{by, file}, nil
	}
	return []string{file}, nil
}

// environment is all that the program is told.
func (c *cgi) environment(x *passage, name string) []string {
	inherit := c.Inherit
	if inherit == nil {
		inherit = []string{"PATH"}
	}
	env := environ(inherit, c.Env)
	set := func(name, value string) {
		if name != "HTTP_AUTHORIZATION" { // section 4.1.18: others can read it
			env = append(env, name+"="+value)
		}
	}
	c.set(x, x.script, set)
	set("SCRIPT_FILENAME", filepath.Join(c.dir, name))
	return env
}

// A launcher starts programs. Each of them belongs to the passage that it was started for until
// that leaves it, and then to a goroutine that gives back the passage's place when the program has
// ended.
type launcher struct {
	// constant
	pool   *pool
	limit  time.Duration // from SIGTERM to SIGKILL
	spawns chan func()

	hurry   chan struct{}  // closed when the module is: no program goes on
	running sync.WaitGroup // programs that have not ended
}

// launched is a program that was started.
type launched struct {
	*child
	by *launcher
}

func newLauncher(p *pool, limit time.Duration) *launcher {
	l := &launcher{
		pool: p, limit: limit, spawns: make(chan func()), hurry: make(chan struct{}),
	}
	go spawner(l.spawns)
	return l
}

// close ends the programs that have not ended behind their answers: no request is under way.
func (l *launcher) close() error {
	close(l.hurry)
	l.running.Wait()
	close(l.spawns)
	return nil
}

// leave is the end of the passage. whole: the program has answered, and may end by itself.
func (r *launched) leave(p *pool, k pick, v verdict, whole bool) {
	go func() {
		defer r.by.running.Done()
		if whole {
			select {
			case <-r.exited:
			case <-time.After(r.by.limit):
			case <-r.by.hurry:
			}
		}
		r.end(syscall.SIGTERM, r.by.limit)
		p.release(k, v)
	}()
}
