//go:build unix

package gateway

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// canSpawn is why processes cannot be started on this system; nil: they can.
var canSpawn error

// child is a process that was started. state is set before exited is closed.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
	state  string

	mu   sync.Mutex
	gone bool // it is, or is about to be, reaped: its number may be another one's
}

// spawner starts processes, all from one thread, which lives as long as any of them: that a process
// is told of its parent's death (Pdeathsig) means the thread, on Linux.
func spawner(spawns <-chan func()) {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	for job := range spawns {
		job()
	}
}

// spawn starts a process.
func (p *pool) spawn(s *slot) (*child, error) {
	if s.of.Listen == BySocket {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	says, said, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(s.of.Command[0], s.of.Command[1:]...),
		exited: make(chan struct{})}
	c.cmd.Dir, c.cmd.Env = s.of.Dir, s.of.environ(s.variables()...)
	if s.socket != nil {
		c.cmd.Stdin = s.socket
	}
	c.cmd.Stdout, c.cmd.Stderr = said, said
	return c, c.start(p.spawns, says, func() { p.listen(s.name(), says) })
}

// start starts the process, and what waits for its end and listens to what it says.
func (c *child) start(spawns chan<- func(), says *os.File, listen func()) error {
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(c.cmd.SysProcAttr)
	started := make(chan error)
	spawns <- func() { started <- c.cmd.Start() }
	err := <-started
	_ = c.cmd.Stderr.(*os.File).Close() // it is the child's
	if err != nil {
		_ = says.Close()
		return err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		listen()
	}()
	go c.wait(says, heard)
	return nil
}

// lastWords is how long the end of a process is heard for what it has said. Who has left its group
// and holds the pipe is not waited for: it has no reader any more.
const lastWords = time.Second

// wait waits for the end of the process, and kills what it has left behind.
func (c *child) wait(says *os.File, heard <-chan struct{}) {
	err := c.reap()
	if c.state = "exit status 0"; err != nil {
		c.state = err.Error()
	}
	_ = says.SetReadDeadline(time.Now().Add(lastWords)) // it may be closed already
	<-heard
	close(c.exited)
}

// signal sends a signal to the process and all of its group, unless they are gone; last: they are
// from now on.
func (c *child) signal(sig syscall.Signal, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.gone {
		_ = syscall.Kill(-c.cmd.Process.Pid, sig) // there may be nobody
	}
	c.gone = c.gone || last
}

// end ends the process, and all of its group: by a signal, and by SIGKILL when limit is over.
func (c *child) end(by syscall.Signal, limit time.Duration) {
	c.signal(by, false)
	select {
	case <-c.exited:
	case <-time.After(limit):
		c.signal(syscall.SIGKILL, false)
		<-c.exited
	}
}

// listen passes on what a process says, line by line; longer ones are cut.
func (p *pool) listen(who string, says *os.File) {
	defer says.Close()
	r := bufio.NewReaderSize(says, mostStderr)
	for {
		line, err := r.ReadSlice('\n')
		var text stderr
		text.write(line)
		if said, ok := text.line(who); ok {
			p.say(said)
		}
		if err != nil && err != bufio.ErrBufferFull {
			_, _ = io.Copy(io.Discard, r) // a pipe that nobody reads would stop the process
			return
		}
	}
}
