//go:build unix

package conf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
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

// notify does what signals ask for that lwan.Run leaves alone, until stop is called.
func (s *Server) notify() (stop func()) {
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGQUIT)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case sig := <-got:
				s.signalled(sig)
			case <-over:
				return
			}
		}
	}()
	return func() {
		signal.Stop(got)
		close(over)
		<-done
	}
}

func (s *Server) signalled(sig os.Signal) {
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
		s.reloadBySignal()
	}
}

// reloadBySignal is Reload, told to the service manager.
func (s *Server) reloadBySignal() {
	<-s.Ready()
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
