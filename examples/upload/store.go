package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// open makes the folder if it is not there.
func open(dir string) (*uploads, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "golwan-upload-")
	} else {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	return &uploads{dir: root}, err
}

// store writes a new file and never changes an old one. What is not complete is removed.
func (u *uploads) store(name string, src io.Reader) error {
	if !filepath.IsLocal(name) || strings.Contains(name, "\x00") || len(name) > 255 {
		return &lwan.Error{
			Status: lwan.StatusUnprocessable, Message: "this name cannot be used for a file",
		}
	}
	f, err := u.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &lwan.Error{
			Status: lwan.StatusConflict, Message: "there is a file of that name already", Err: err,
		}
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, src)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, u.dir.Remove(name))
	}
	return nil
}

// step is after how many bytes progress is told.
const step = 256 << 10

// meter publishes how much was read from src.
type meter struct {
	src   io.Reader
	topic *lwan.Topic
	n     int64
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	before := m.n / step
	if m.n += int64(n); m.n/step > before {
		m.topic.Publish(lwan.Event{Name: "bytes", Data: strconv.FormatInt(m.n, 10)})
	}
	return n, err
}
