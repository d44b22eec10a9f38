package files

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// largeText is the content of a file that is larger than what is kept in memory. No two places of
// it look the same.
var largeText = func() string {
	var b strings.Builder
	for i := 0; b.Len() < 100_000; i++ {
		b.WriteString("line " + strings.Repeat(string(rune('a'+i%26)), i%7) + " " +
			http.StatusText(100+i%400) + humanSize(int64(i)) + "\n")
	}
	return b.String()
}()

// writeTree makes a directory with files, by their paths; a path that ends in a slash is a
// directory.
func writeTree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(at, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		write(t, at, content)
	}
	return dir
}

func write(t testing.TB, at, content string) {
	t.Helper()
	if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// site under test, on a real socket.
type testSite struct {
	*lwantest.Server
	t testing.TB
}

// mounted serves a configuration below prefix, with all files taken for old ones.
func mounted(t testing.TB, prefix string, c Config) *testSite {
	t.Helper()
	return mountedAs(t, prefix, c, 0)
}

// mountedAs is mounted with files taken for young up to an age.
func mountedAs(t testing.TB, prefix string, c Config, young time.Duration) *testSite {
	t.Helper()
	srv := &lwan.Server{Loops: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	module := lwan.Module[Config]{Name: "files", Open: func(scope *lwan.Scope, c Config) error {
		s, err := openSite(scope, c)
		if err == nil {
			s.loader.young = young
		}
		return err
	}}
	srv.Mount(prefix, module.With(c))
	return started(t, srv)
}

func started(t testing.TB, srv *lwan.Server) *testSite {
	t.Helper()
	srv.StallAfter = -1 // the machine that runs tests may be busy
	s := &testSite{lwantest.Start(t, srv), t}
	s.Client.Transport.(*http.Transport).DisableCompression = true
	s.Client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	return s
}

type reply struct {
	status int
	header http.Header
	length int64
	body   string
	err    error // of reading the body
}

func (r *reply) field(name string) string { return strings.Join(r.header.Values(name), ", ") }

// ask sends a request: fields are names and values in turn.
func (s *testSite) ask(method, path string, fields ...string) *reply {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		s.t.Fatal(method, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &reply{resp.StatusCode, resp.Header, resp.ContentLength, string(body), err}
}

func (s *testSite) get(path string, fields ...string) *reply {
	s.t.Helper()
	return s.ask("GET", path, fields...)
}

// want asks for a path and compares status and body.
func (s *testSite) want(path string, status int, body string) *reply {
	s.t.Helper()
	r := s.get(path)
	if r.status != status || (body != "" && r.body != body) || r.err != nil {
		s.t.Errorf("GET %s: %d %.60q (%d bytes, %v), want %d %.60q",
			path, r.status, r.body, len(r.body), r.err, status, body)
	}
	return r
}

// handlerBelow serves a handler in memory, below a pattern.
func handlerBelow(t testing.TB, pattern string, h lwan.Handler) http.Handler {
	srv := &lwan.Server{}
	srv.Handle(pattern, h)
	return lwan.ToHTTP(lwantest.Build(t, srv))
}
