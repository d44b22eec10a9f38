package conf

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// logFile is a file that lines are appended to. Reopen opens it anew by its name, after somebody
// has renamed it: no line is lost, and none is torn.
type logFile struct {
	name string
	mode fs.FileMode

	mu     sync.Mutex
	file   *os.File
	stream bool // it is standard output or standard error, which stay open
}

// openLog opens a log: "stdout", "stderr" or a file.
func openLog(name string, mode fs.FileMode) (*logFile, error) {
	l := &logFile{name: name, mode: mode}
	switch name {
	case "stdout":
		l.file, l.stream = os.Stdout, true
	case "stderr":
		l.file, l.stream = os.Stderr, true
	default:
		return l, l.reopen()
	}
	return l, nil
}

// Write implements io.Writer.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Write(p)
}

// reopen goes on with the file that has the name by now, or is made. If that fails the old one
// stays.
func (l *logFile) reopen() error {
	if l.stream {
		return nil
	}
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, l.mode)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.file
	l.file = f
	if old != nil {
		return old.Close()
	}
	return nil
}

func (l *logFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream || l.file == nil {
		return nil
	}
	err := l.file.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
