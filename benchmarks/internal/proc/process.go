package proc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// patience is how long a process may take to end after SIGTERM before it is killed.
const patience = 5 * time.Second

// Command is what to start.
type Command struct {
	Args []string // the program and its arguments
	Dir  string   // working directory; "" for that of this process
	Env  []string // additions to the environment of this process
	CPU  int      // the only CPU it may use, or AnyCPU

	Stdin string // what it reads from its standard input
}

// shownInput is how much of the standard input is shown, in bytes.
const shownInput = 4 << 10

// String is the command as a line for a shell, with the pinning, additions to the environment, and
// input.
func (c Command) String() string {
	var b strings.Builder
	for i, setting := range c.Env {
		if i == 0 {
			b.WriteString("env ")
		}
		b.WriteString(quote(setting) + " ")
	}
	if c.CPU != AnyCPU {
		fmt.Fprintf(&b, "taskset -c %d ", c.CPU)
	}
	for i, arg := range c.Args {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(arg))
	}
	switch {
	case len(c.Stdin) > shownInput:
		fmt.Fprintf(&b, " # with %d bytes on its standard input", len(c.Stdin))
	case c.Stdin != "":
		b.WriteString(" <<< " + quote(c.Stdin))
	}
	return b.String()
}

func quote(arg string) string {
	if arg != "" && !strings.ContainsAny(arg, " \t\n'\"\\$&|;<>(){}*?[]#~`!") {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// Process is a program that was started.
type Process struct {
	cmd    *exec.Cmd
	output *tail
	exited chan struct{} // closed when the process has ended
	err    error         // of Wait; written before exited is closed
}

// Start starts a command. Its output is kept, see Output.
func Start(c Command) (*Process, error) {
	p := &Process{output: &tail{}, exited: make(chan struct{})}
	p.cmd = command(c)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := startOn(p.cmd, c.CPU); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func command(c Command) *exec.Cmd {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), c.Env...)
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = patience // for a grandchild that keeps the output open
	return cmd
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended by itself or by Stop.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Output is the end of what the process has written to its standard output and error, for messages.
func (p *Process) Output() string { return p.output.String() }

// Usage is what the process and its descendants have used so far.
func (p *Process) Usage() (Usage, error) { return usage(p.PID()) }

// PIDs lists the process and its descendants.
func (p *Process) PIDs() ([]int, error) {
	members, err := tree(p.PID())
	if err != nil {
		return nil, err
	}
	pids := make([]int, len(members))
	for i, m := range members {
		pids[i] = m.PID
	}
	return pids, nil
}

// Stop asks the process to end (SIGTERM) and kills it and its descendants, one by one, if it does
// not. It returns when the process has ended, and reports only that it had to be killed: how a
// server dies is no result.
func (p *Process) Stop() error {
	select {
	case <-p.exited:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil &&
		!errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(patience):
	}
	err := kill(p.PID())
	<-p.exited
	return errors.Join(fmt.Errorf("%s did not end within %v of SIGTERM and was killed",
		p.cmd.Path, patience), err)
}

// kill kills a process and its descendants, one by one: those would live on, as children of
// another.
func kill(root int) error {
	members, err := tree(root)
	for _, m := range members {
		if killed := syscall.Kill(m.PID, syscall.SIGKILL); killed != syscall.ESRCH {
			err = errors.Join(err, killed)
		}
	}
	return err
}
