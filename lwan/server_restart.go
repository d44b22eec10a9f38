package lwan

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

var (
	errNotServing = errors.New("lwan: the server does not serve")
	errNoRestart  = fmt.Errorf("lwan: restart: on this system a process cannot hand sockets "+
		"over: %w", errors.ErrUnsupported)
	errOwnListener = errors.New("it has a Listener of the program's own, which the new process " +
		"could not open: give it an Addr")
	errWithoutWord  = errors.New("it ended before its server had started")
	errEndMeanwhile = errors.New("the server was shut down meanwhile")
)

// Restart puts a new process in the place of this one without losing a request: to run a new
// version of the program or to read its configuration again. It starts the program anew, hands it
// the sockets on which the server listens, and waits until a server has started there. Then it
// returns nil, and this server stops as at Shutdown, for up to DrainTimeout, with 10 s for
// DrainIdle if that is 0: Run, ListenAndServe or Serve return when that is done. What waits in a
// socket's queue, and whoever comes, is the new process's.
//
// If the new process fails, ends, or has started no server when ctx is over, it is killed, the
// error says why, and this server goes on as if nothing had been.
//
// The new process runs the file at the path by which this one was called (what is there by now,
// also through symbolic links), else that of os.Executable, with the same arguments, environment,
// working directory and standard files, as this process's child. An endpoint gets the socket of the
// one that was configured with the same Addr; sockets that no endpoint wants are closed, other
// addresses are opened as always. Modules are opened there while they are still open here. The
// first server that starts in the new process gets the sockets, so a program with several of them
// has to make them Endpoints of one. Endpoints with a Listener cannot be handed over. Of what is in
// memory only the keys of session tickets go along; the rest stays behind: a Topic begins anew
// there, and a client that comes back to it is told of the Gap, unless a Broker has what was
// missed.
//
// On systems without Unix descriptors it returns an error that is errors.ErrUnsupported.
func (s *Server) Restart(ctx context.Context) error {
	ctx, files, err := s.beginRestart(ctx)
	if err != nil {
		return err
	}
	defer s.endRestart()
	next, err := s.startSuccessor(files)
	if err != nil {
		return fmt.Errorf("lwan: restart: %w", err)
	}
	if err := next.await(ctx); err != nil {
		return fmt.Errorf("lwan: restart: the new process (%d) does not serve: %w; %s",
			next.pid, err, next.end(ctx))
	}
	return s.handOver(next)
}

// beginRestart makes this restart the only one and duplicates the sockets. Its context is over,
// too, when the server begins to end.
func (s *Server) beginRestart(ctx context.Context) (context.Context, []*os.File, error) {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	switch {
	case !canHandOver:
		return nil, nil, errNoRestart
	case s.life.stopRestart != nil || s.life.replaces:
		return nil, nil, ErrRestarting
	case s.life.state != lifeServing || s.life.successor != 0:
		return nil, nil, errNotServing
	}
	for i, end := range s.life.ends {
		if end.Listener != nil {
			return nil, nil, fmt.Errorf("lwan: restart: endpoint %d (%s): %w",
				i, end.where(), errOwnListener)
		}
	}
	files, err := s.life.engine.sockets()
	if err != nil {
		return nil, nil, fmt.Errorf("lwan: restart: %w", err)
	}
	ctx, s.life.stopRestart = context.WithCancelCause(ctx)
	s.life.restarting.Add(1)
	return ctx, files, nil
}

// restartBySignal is Restart for Run.
func (s *Server) restartBySignal(ctx context.Context) {
	if limit := orPause(s.RestartTimeout, defaultRestart); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	if err := s.Restart(ctx); err != nil {
		s.life.core.log.Error("the server goes on: it could not be restarted", "err", err)
	}
}

func (s *Server) endRestart() {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.stopRestart(nil)
	s.life.stopRestart = nil
	s.life.restarting.Done()
}

// handOver leaves the sockets to the new process and makes this server end.
func (s *Server) handOver(next *successor) error {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.state != lifeServing {
		return fmt.Errorf("lwan: restart: %w", errors.Join(errEndMeanwhile, next.dismiss()))
	}
	s.life.engine.share()
	s.life.successor = next.pid
	close(s.life.handedOver)
	s.life.core.log.Info("lwan: a new process serves; this one ends", "pid", next.pid)
	return next.process.Release()
}

// startSuccessor starts the program anew, with the sockets of this server.
func (s *Server) startSuccessor(files []*os.File) (*successor, error) {
	defer closeAll(files)
	var names []string
	for _, end := range s.life.ends {
		names = append(names, end.where())
	}
	var keys []byte
	if s.life.tickets != nil {
		var err error
		if keys, err = s.life.tickets.leave(); err != nil {
			return nil, err
		}
	}
	return startSuccessor(names, files, keys)
}

// successor is a process that is to take over.
type successor struct {
	pid     int
	process *os.Process
	ready   *os.File // what the process says of its server
}

// startSuccessor starts the program. keys are those of session tickets; nil: nothing is encrypted.
func startSuccessor(names []string, files []*os.File, keys []byte) (*successor, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	list, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := &exec.Cmd{
		Path: path, Args: os.Args, Env: append(os.Environ(), restartVariable+"="+string(list)),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: append(files, theirs),
	}
	if keys != nil {
		pipe, err := filled(keys)
		if err != nil {
			return nil, errors.Join(err, ready.Close())
		}
		defer pipe.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, pipe)
		cmd.Env = append(cmd.Env, keysVariable+"=1")
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, ready.Close())
	}
	return &successor{cmd.Process.Pid, cmd.Process, ready}, nil
}

// filled is the end of a pipe that has text in it, which is little enough for any pipe to hold.
func filled(text []byte) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// program is the file to run. A path that somebody has written may lead to another file by now.
func program() (string, error) {
	if strings.ContainsRune(os.Args[0], os.PathSeparator) {
		if path, err := exec.LookPath(os.Args[0]); err == nil {
			return path, nil
		}
	}
	return os.Executable()
}

// await returns nil when the process serves, or why it does not.
func (n *successor) await(ctx context.Context) error {
	defer n.ready.Close()
	stop := context.AfterFunc(ctx, func() {
		// it fails for a pipe that was closed meanwhile
		_ = n.ready.SetReadDeadline(time.Unix(1, 0))
	})
	defer stop()
	line, err := bufio.NewReader(io.LimitReader(n.ready, maxFailure)).ReadString('\n')
	switch {
	case line == readyLine:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case line != "":
		return errors.New(strings.TrimSuffix(line, "\n"))
	case err == io.EOF:
		return errWithoutWord
	}
	return err
}

// maxFailure is how much a process may say about its failure.
const maxFailure = 16 << 10

// lastWords is how long a process that has failed may take to say so in its log.
const lastWords = 2 * time.Second

// end makes an end of a process that does not serve, and tells how it came. When ctx is over there
// is no time to lose.
func (n *successor) end(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		_ = n.process.Kill() // it fails for one that has ended
	})
	state, err := n.process.Wait()
	switch {
	case err != nil:
		return err.Error()
	case stop():
		return state.String()
	}
	return "killed"
}

// dismiss sends away a process that serves already: it ends as it likes.
func (n *successor) dismiss() error {
	return errors.Join(n.process.Signal(syscall.SIGTERM), n.process.Release())
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // duplicates, which have served their purpose
	}
}
