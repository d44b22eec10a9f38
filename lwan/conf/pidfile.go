package conf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// writePid makes a pid file: of a whole number at any time, since somebody may read it just then.
func writePid(name string) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(tmp, os.Getpid())
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}

// removePid removes a pid file, unless it is another process's by now, as after a restart.
func removePid(name string) error {
	pid, err := readPid(name)
	if err != nil || pid != os.Getpid() {
		return err
	}
	return os.Remove(name)
}

func readPid(name string) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s: %q is no number of a process", name, text)
	}
	return pid, nil
}

// pidFile keeps the file while the server serves.
func (s *Server) pidFile(name string) (remove func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-s.Ready():
		case <-stop:
			return
		}
		if err := writePid(name); err != nil {
			s.logger().Error("the pid file cannot be written", "err", err)
		}
		<-stop
		if err := removePid(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.logger().Error("the pid file cannot be removed", "err", err)
		}
	}()
	return func() { close(stop); <-done }
}
