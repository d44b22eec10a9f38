//go:build unix

package gateway

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// canSpawn is why processes cannot be started on this system; nil: they can.
var canSpawn error

// child is a process that was started. Its fields are set before exited is closed.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{}
	state  string
}

// spawner starts processes, all from one thread, which lives as long as any of them: that a process
// is told of its parent's death (Pdeathsig) means the thread, on Linux.
func (p *pool) spawner() {
	runtime.LockOSThread() // for good: the thread ends with the goroutine
	for job := range p.spawns {
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
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(c.cmd.SysProcAttr)
	started := make(chan error)
	p.spawns <- func() { started <- c.cmd.Start() }
	err = <-started
	_ = said.Close() // it is the child's
	if err != nil {
		_ = says.Close()
		return nil, err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		p.listen(s, says)
	}()
	go c.wait(heard)
	return c, nil
}

// wait waits for the end of the process, and kills what it has left behind.
func (c *child) wait(heard <-chan struct{}) {
	err := c.cmd.Wait()
	if c.state = "exit status 0"; err != nil {
		c.state = err.Error()
	}
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) // nobody may be left
	<-heard
	close(c.exited)
}

// end ends the process, and all of its group.
func (c *child) end(of *Process) {
	group := -c.cmd.Process.Pid
	_ = syscall.Kill(group, orDefault(of.Signal, syscall.SIGTERM)) // it may be gone already
	select {
	case <-c.exited:
	case <-time.After(orDefault(of.Kill, 10*time.Second)):
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-c.exited
	}
}

// listen passes on what the process says, line by line; longer ones are cut.
func (p *pool) listen(s *slot, says *os.File) {
	defer says.Close()
	r := bufio.NewReaderSize(says, mostStderr)
	for {
		line, err := r.ReadSlice('\n')
		var text stderr
		text.write(line)
		if said, ok := text.line(s.name()); ok {
			p.say(said)
		}
		if err != nil && err != bufio.ErrBufferFull {
			_, _ = io.Copy(io.Discard, r) // a pipe that nobody reads would stop the process
			return
		}
	}
}
