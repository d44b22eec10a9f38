package files

import (
	"bufio"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// haltingFS has files of which only a beginning can be read until released is closed.
type haltingFS struct {
	fs.FS
	beginning int64
	released  chan struct{}
}

func (s *haltingFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &haltingFile{f, s}, nil
}

type haltingFile struct {
	fs.File
	of *haltingFS
}

func (f *haltingFile) ReadAt(p []byte, off int64) (int, error) {
	if fi, err := f.Stat(); err == nil && off >= f.of.beginning && off+int64(len(p)) < fi.Size() {
		<-f.of.released
	}
	return f.File.(io.ReaderAt).ReadAt(p, off)
}

// A file that is sent from copies used to be held back until there was 1 MiB of it, for each client that reads slowly.
func TestCopiesAreSentPieceByPiece(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 3<<16)
	fsys := &haltingFS{fstest.MapFS{"big": {Data: []byte(content), ModTime: time.Now().Add(-time.Hour)}}, copySize, make(chan struct{})}
	s := mounted(t, "", Config{FS: fsys})
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, copySize)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(fsys.released)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != content {
		t.Errorf("%v, %d bytes", err, len(first)+len(rest))
	}
}
