//go:build unix

package conf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// signals are what -s sends.
var signals = map[string]syscall.Signal{
	"reload": syscall.SIGHUP, "upgrade": syscall.SIGUSR2, "reopen": syscall.SIGUSR1,
	"stop": syscall.SIGTERM, "quit": syscall.SIGQUIT,
}

// send sends a signal to the process of the configuration's pid file.
func send(c *Config, name string) error {
	sig, ok := signals[name]
	if !ok {
		return fmt.Errorf("there is no signal %q: there are reload, upgrade, reopen, stop, quit",
			name)
	}
	if c.settings.PidFile == "" {
		return errors.New("the configuration has no pid_file")
	}
	pid, err := readPid(c.settings.PidFile)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, sig); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	return nil
}

// stopGrace is how long the end waits for what a signal has begun, so that the log says how that
// has ended: a configuration may lie where reading does not end.
const stopGrace = time.Second

// notify does what signals ask for that lwan.Run leaves alone, until stop is called. Reading the
// configuration again takes its time, and holds up no other signal; while it is read, one more
// reading may be asked for.
func (s *Server) notify() (stop func()) {
	hangups, others := make(chan os.Signal, 1), make(chan os.Signal, 8)
	signal.Notify(hangups, syscall.SIGHUP)
	signal.Notify(others, syscall.SIGUSR1, syscall.SIGQUIT)
	over := make(chan struct{})
	var all sync.WaitGroup
	for _, got := range []chan os.Signal{hangups, others} {
		all.Go(func() {
			for {
				select {
				case sig := <-got:
					s.signalled(sig, over)
				case <-over:
					return
				}
			}
		})
	}
	return func() {
		signal.Stop(hangups)
		signal.Stop(others)
		close(over)
		done := make(chan struct{})
		go func() {
			all.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(stopGrace):
		}
	}
}

// signalled does what a signal asks for, unless everything is over.
func (s *Server) signalled(sig os.Signal, over <-chan struct{}) {
	if sig == syscall.SIGQUIT {
		go func() {
			if err := s.Shutdown(context.Background()); err != nil {
				s.logger().Error("the server did not end as it should", "err", err)
			}
		}()
		return
	}
	if err := s.ReopenLogs(); err != nil {
		s.logger().Error("logs cannot be opened again; the old ones stay", "err", err)
	}
	if sig == syscall.SIGHUP {
		select {
		case <-s.Ready():
			s.reloadBySignal()
		case <-over: // it never was
		}
	}
}

// reloadBySignal is Reload, told to the service manager.
func (s *Server) reloadBySignal() {
	if err := s.ReloadCertificates(); err != nil {
		s.logger().Error("the last good certificates stay in use", "err", err)
	}
	s.TellManager("RELOADING=1" + monotonic())
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if limit := s.config.settings.ReloadTimeout; limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	s.sayReload(s.Reload(ctx))
	s.TellManager("READY=1")
}
