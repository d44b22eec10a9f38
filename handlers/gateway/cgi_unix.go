//go:build unix

package gateway

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// start starts a program in a directory, with a socket for its standard output, of which the other
// end comes back, and for its standard input, unless that is a file.
func (l *launcher) start(command []string, dir string, env []string, in *os.File) (
	r *launched, ours *os.File, err error,
) {
	ours, its, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	defer its.Close() // the program has its own
	says, said, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close())
	}
	r = &launched{by: l, child: &child{cmd: exec.Command(command[0], command[1:]...),
		exited: make(chan struct{})}}
	r.cmd.Dir, r.cmd.Env = dir, env
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = its, its, said
	if in != nil {
		r.cmd.Stdin = in
	}
	name := filepath.Base(command[len(command)-1])
	l.running.Add(1)
	if err := r.start(l.spawns, says, func() { l.pool.listen(name, says) }); err != nil {
		l.running.Done()
		return nil, nil, errors.Join(err, ours.Close())
	}
	return r, ours, nil
}

// socketPair makes two sockets that are connected. Ours does not block.
func socketPair() (ours, its *os.File, err error) {
	syscall.ForkLock.RLock() // no process that is started meanwhile has them
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	err = os.NewSyscallError("fcntl", syscall.SetNonblock(fds[0], true))
	ours, its = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "its")
	if err != nil {
		return nil, nil, errors.Join(err, ours.Close(), its.Close())
	}
	return ours, its, nil
}
