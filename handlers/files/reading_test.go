package files

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golwan/golwan/lwan"
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

// A file that was sent from copies used to be held back up to 1 MiB for each client that reads
// slowly.
func TestCopiesAreSentPieceByPiece(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 3<<16)
	fsys := &haltingFS{
		fstest.MapFS{"big": {Data: []byte(content), ModTime: time.Now().Add(-time.Hour)}},
		pieceSize, make(chan struct{}),
	}
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
	first := make([]byte, pieceSize)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(fsys.released)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != content {
		t.Errorf("%v, %d bytes", err, len(first)+len(rest))
	}
}

// TestSlowReadersHoldNoGoroutines: each client that read a large file of an fs.FS slowly held a
// goroutine of the server as long as it liked. A few of them, and whatever had to wait for a
// goroutine waited for them.
func TestSlowReadersHoldNoGoroutines(t *testing.T) {
	const clients = 16
	content := strings.Repeat("0123456789abcdef", 1<<20) // more than two sockets hold
	old := time.Now().Add(-time.Hour)
	mem := fstest.MapFS{"big": {Data: []byte(content), ModTime: old}}
	for name, fsys := range map[string]fs.FS{
		"from any place": mem, "from the front": streamFS{mem, new(atomic.Int64)},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &lwan.Server{Loops: 1, Goroutines: clients}
			srv.Mount("/", Module.With(Config{FS: fsys}))
			srv.Handle("GET /await", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if err := req.Await(func(context.Context) error { return nil }); err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, "awaited")
			})
			s := started(t, srv)
			s.want("/await", 200, "awaited")
			var slow []net.Conn
			for range clients {
				c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_, err = io.WriteString(c,
					"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if err != nil {
					t.Fatal(err)
				}
				slow = append(slow, c)
			}
			waiting := func() bool { // each of them has got a beginning, and nobody reads a file
				stats := srv.Stats()
				return stats.BytesOut > clients*pieceSize && stats.Conns.Parked == clients &&
					stats.Awaiting+stats.Queued == 0
			}
			for deadline := time.Now().Add(20 * time.Second); !waiting(); runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatalf("%+v", srv.Stats())
				}
			}
			s.want("/await", 200, "awaited")
			for _, c := range slow[:2] {
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(resp.Body); err != nil || string(body) != content {
					t.Errorf("%d of %d bytes, %v", len(body), len(content), err)
				}
			}
		})
	}
}

// TestQuickFiles: what is in memory for sure is read without a goroutine, and nothing else.
func TestQuickFiles(t *testing.T) {
	sub, err := fs.Sub(builtIn, ".")
	if err != nil {
		t.Fatal(err)
	}
	dir := writeTree(t, map[string]string{"listing.mustache": "x"})
	mem := fstest.MapFS{"listing.mustache": {Data: []byte("x")}}
	for name, tt := range map[string]struct {
		fsys  fs.FS
		quick bool
	}{
		"embedded": {builtIn, true}, "in a folder that is embedded": {sub, true},
		"of the system": {os.DirFS(dir), true}, "other": {mem, false},
	} {
		f, err := tt.fsys.Open("listing.mustache")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if isQuick(f) != tt.quick {
			t.Errorf("%s: %v", name, !tt.quick)
		}
	}
}
