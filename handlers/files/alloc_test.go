package files

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// wire is a connection on which the same request is sent again and again, without an allocation of
// its own.
type wire struct {
	conn    net.Conn
	request []byte
	answer  []byte // as long as the answer is
	first   []byte
}

// newWire sends a request once to learn how long its answer is. The answer must have a body of n
// bytes.
func (s *testSite) newWire(target string, n int, fields ...string) *wire {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: localhost\r\n", target)
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", fields[i], fields[i+1])
	}
	b.WriteString("\r\n")
	w := &wire{conn: conn, request: b.Bytes()}
	if _, err := conn.Write(w.request); err != nil {
		s.t.Fatal(err)
	}
	for !bytes.Contains(w.first, []byte("\r\n\r\n")) ||
		len(w.first)-bytes.Index(w.first, []byte("\r\n\r\n"))-4 < n {
		piece := make([]byte, 64<<10)
		m, err := conn.Read(piece)
		if err != nil {
			s.t.Fatal(err)
		}
		w.first = append(w.first, piece[:m]...)
	}
	w.answer = make([]byte, len(w.first))
	return w
}

// exchange sends the request and reads its answer.
func (w *wire) exchange() error {
	if _, err := w.conn.Write(w.request); err != nil {
		return err
	}
	for at := 0; at < len(w.answer); {
		n, err := w.conn.Read(w.answer[at:])
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

// A file in memory, compressed or not, a range of it being an exception, and a 304 cost no
// allocation.
func TestAllocations(t *testing.T) {
	if instrumented {
		t.Skip("skipped: the race detector and lwandebug allocate")
	}
	long := strings.Repeat("directory-with-a-name-that-is-longer-than-what-fits-on-the-stack/", 3) +
		"file.css"
	css := strings.Repeat("a { color: red }\n", 60)
	s := mounted(t, "/static",
		Config{Dir: writeTree(t, map[string]string{long: css, "large.txt": largeText}), TTL: -1,
			Cache: map[string]string{"*": "no-cache"}})
	tag := s.get("/static/" + long).field("ETag")
	packed := s.get("/static/"+long, "Accept-Encoding", "br")
	date := s.get("/static/" + long).field("Last-Modified")
	for _, tt := range []struct {
		what   string
		n      int
		fields []string
		status string
	}{
		{"whole", len(css), nil, "200"},
		{"compressed", len(packed.body), []string{"Accept-Encoding", "gzip, deflate, br, zstd"},
			"200"},
		{"not modified, by tag", 0, []string{"If-None-Match", tag}, "304"},
		{"not modified, by tag, compressed", 0,
			[]string{"If-None-Match", packed.field("ETag"), "Accept-Encoding", "br"}, "304"},
		{"not modified, by date", 0, []string{"If-Modified-Since", date}, "304"},
	} {
		w := s.newWire("/static/"+long, tt.n, tt.fields...)
		if !bytes.HasPrefix(w.first, []byte("HTTP/1.1 "+tt.status)) {
			t.Fatalf("%s: %.200q", tt.what, w.first)
		}
		var failed error
		n := testing.AllocsPerRun(1000, func() {
			if err := w.exchange(); err != nil {
				failed = err
			}
		})
		if failed != nil {
			t.Fatal(failed)
		}
		if n != 0 {
			t.Errorf("%s: %v allocations", tt.what, n)
		}
	}
}

// The head of a large file leaves together with the first bytes: what a client gets first is more
// than a head.
func TestHeadWithFirstBytes(t *testing.T) {
	s := mounted(t, "/", Config{Dir: writeTree(t, map[string]string{"large.txt": largeText})})
	w := s.newWire("/large.txt", len(largeText))
	for range 20 {
		if _, err := w.conn.Write(w.request); err != nil {
			t.Fatal(err)
		}
		n, err := w.conn.Read(w.answer)
		if err != nil {
			t.Fatal(err)
		}
		head := bytes.Index(w.answer[:n], []byte("\r\n\r\n")) + 4
		if runtime.GOOS == "linux" && n <= head {
			t.Fatalf("%d bytes come first, and the head has %d", n, head)
		}
		if _, err := io.ReadFull(w.conn, w.answer[n:]); err != nil {
			t.Fatal(err)
		}
	}
}
