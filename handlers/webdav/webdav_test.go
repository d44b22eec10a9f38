package webdav_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers/webdav"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// site is a server of a directory at /dav, and who asks it.
type site struct {
	*lwantest.Server
	t   *testing.T
	dir string
}

func newSite(t *testing.T, c webdav.Config) *site {
	t.Helper()
	top := t.TempDir()
	c.Dir = filepath.Join(top, "dav")
	for name, text := range map[string]string{
		"secret": "secret", "dav/a.txt": "text", "dav/d/b.txt": "more", "dav/d/e/c.txt": "most",
	} {
		name = filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	srv := &lwan.Server{}
	srv.Mount("/dav", webdav.Module.With(c))
	return &site{lwantest.Start(t, srv), t, c.Dir}
}

// ask sends a request with fields as pairs; body is what it has.
func (s *site) ask(method, path, body string, fields ...string) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func (s *site) want(status int, method, path, body string, fields ...string) (h http.Header) {
	s.t.Helper()
	got, h, text := s.ask(method, path, body, fields...)
	if got != status {
		s.t.Errorf("%s %s %q: %d, want %d: %.300s", method, path, fields, got, status, text)
	}
	return h
}

// file is what a file has; "-" if there is none.
func (s *site) file(name string) string {
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return "-"
	}
	return string(text)
}

func (s *site) wantFile(name, want string) {
	s.t.Helper()
	if got := s.file(name); got != want {
		s.t.Errorf("%s has %q, want %q", name, got, want)
	}
}

// TestMethods is what each method does, in the order of a session.
func TestMethods(t *testing.T) {
	s := newSite(t, webdav.Config{Write: true})
	h := s.want(200, "OPTIONS", "/dav/", "")
	if h.Get("DAV") != "1, 2" || !strings.Contains(h.Get("Allow"), "PROPFIND") {
		t.Errorf("OPTIONS: %q", h)
	}
	s.want(201, "PUT", "/dav/new%20%C3%A4.txt", "new")
	s.wantFile("new ä.txt", "new")
	s.want(201, "PUT", "/dav/a.txt", "changed")
	s.wantFile("a.txt", "changed")
	s.want(409, "PUT", "/dav/none/x", "x")
	s.want(404, "PUT", "/dav/d", "x")
	if status, h, text := s.ask("GET", "/dav/a.txt", ""); status != 200 || text != "changed" ||
		h.Get("ETag") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("GET: %d %q %q", status, h, text)
	}
	if status, _, text := s.ask("GET", "/dav/a.txt", "", "Range", "bytes=2-4"); status != 206 ||
		text != "ang" {
		t.Errorf("a range: %d %q", status, text)
	}
	s.want(200, "HEAD", "/dav/a.txt", "")
	s.want(405, "GET", "/dav/d", "")
	s.want(405, "POST", "/dav/a.txt", "")
	s.want(201, "MKCOL", "/dav/new", "")
	s.want(405, "MKCOL", "/dav/new", "")
	s.want(409, "MKCOL", "/dav/none/new", "")
	s.want(415, "MKCOL", "/dav/other", "<x/>")
	s.want(201, "COPY", "/dav/d", "", "Destination", s.URL+"/dav/copy")
	s.wantFile("copy/e/c.txt", "most")
	s.want(412, "COPY", "/dav/d", "", "Destination", s.URL+"/dav/copy", "Overwrite", "F")
	s.want(201, "MOVE", "/dav/copy", "", "Destination", "/dav/new/moved")
	s.want(201, "PUT", "/dav/over", "x")
	s.want(412, "MOVE", "/dav/over", "", "Destination", "/dav/a.txt", "Overwrite", "F")
	s.want(204, "MOVE", "/dav/over", "", "Destination", "/dav/a.txt")
	s.want(201, "PUT", "/dav/a.txt", "changed")
	s.wantFile("copy/e/c.txt", "-")
	s.wantFile("new/moved/e/c.txt", "most")
	s.want(204, "DELETE", "/dav/new", "")
	s.want(404, "DELETE", "/dav/new", "")
	s.want(207, "PROPPATCH", "/dav/a.txt", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>`+
		`<x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>`)
	for depth, want := range map[string]int{"0": 1, "1": 4} {
		status, _, text := s.ask("PROPFIND", "/dav/", "", "Depth", depth)
		if n := strings.Count(text, "<D:response>"); status != 207 || n != want {
			t.Errorf("PROPFIND to depth %s: %d, %d of %d: %s", depth, status, n, want, text)
		}
	}
	for _, fields := range [][]string{nil, {"Depth", "infinity"}, {"Depth", "2"}} {
		if status, _, text := s.ask("PROPFIND", "/dav/", "", fields...); status != 403 ||
			!strings.Contains(text, "<D:propfind-finite-depth/>") {
			t.Errorf("PROPFIND with %q: %d %s", fields, status, text)
		}
	}
}

const lockBody = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>` +
	`<D:locktype><D:write/></D:locktype></D:lockinfo>`

// TestLocks: what is locked is written by who has the lock, and locks are bounded in number and
// time.
func TestLocks(t *testing.T) {
	s := newSite(t, webdav.Config{Write: true, Locks: 2, LockTime: time.Minute})
	status, h, text := s.ask("LOCK", "/dav/a.txt", lockBody, "Timeout", "Second-86400")
	token := h.Get("Lock-Token")
	if status != 200 || token == "" || !strings.Contains(text, "Second-60<") {
		t.Fatalf("LOCK: %d %q %s", status, h, text)
	}
	s.want(423, "PUT", "/dav/a.txt", "x")
	s.want(423, "DELETE", "/dav/a.txt", "")
	s.want(423, "MOVE", "/dav/a.txt", "", "Destination", "/dav/b.txt")
	s.want(423, "LOCK", "/dav/a.txt", lockBody)
	s.wantFile("a.txt", "text")
	s.want(201, "PUT", "/dav/a.txt", "mine", "If", "("+token+")")
	s.wantFile("a.txt", "mine")
	s.want(200, "LOCK", "/dav/a.txt", "", "If", "("+token+")") // refreshed
	s.want(201, "LOCK", "/dav/empty", lockBody)
	s.wantFile("empty", "")
	s.want(423, "LOCK", "/dav/third", lockBody) // there are two
	s.wantFile("third", "-")
	s.want(204, "UNLOCK", "/dav/a.txt", "", "Lock-Token", token)
	s.want(409, "UNLOCK", "/dav/a.txt", "", "Lock-Token", token)
	s.want(201, "PUT", "/dav/a.txt", "free")
	s.want(413, "LOCK", "/dav/a.txt", lockBody+strings.Repeat(" ", 64<<10))
}

// TestReadOnly: without Write nothing can be changed.
func TestReadOnly(t *testing.T) {
	s := newSite(t, webdav.Config{})
	if h := s.want(200, "OPTIONS", "/dav/", ""); h.Get("DAV") != "1" ||
		h.Get("Allow") != "OPTIONS, GET, HEAD, PROPFIND" {
		t.Errorf("OPTIONS: %q", h)
	}
	for _, method := range []string{
		"PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPPATCH", "POST",
	} {
		status, _, _ := s.ask(method, "/dav/a.txt", "", "Destination", "/dav/x")
		if status != 405 && status != 501 {
			t.Errorf("%s: %d", method, status)
		}
	}
	s.wantFile("a.txt", "text")
	s.want(200, "GET", "/dav/a.txt", "")
	s.want(207, "PROPFIND", "/dav/a.txt", "", "Depth", "0")
}

// TestInside: nothing leads out of the directory, and no collection into itself.
func TestInside(t *testing.T) {
	s := newSite(t, webdav.Config{Write: true})
	for name, target := range map[string]string{
		"up": "..", "secret": "../secret", "abs": filepath.Dir(s.dir), "in": "d",
	} {
		if err := os.Symlink(target, filepath.Join(s.dir, name)); err != nil {
			t.Skip(err)
		}
	}
	secret := filepath.Join(filepath.Dir(s.dir), "secret")
	for _, path := range []string{
		"/dav/up/secret", "/dav/secret", "/dav/abs/secret", "/dav/..%2fsecret",
		"/dav/%2e%2e/secret", "/dav/../secret", "/dav/d%2fb.txt", "/dav/a%00",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE", "PROPFIND", "COPY", "MOVE"} {
			body := map[string]string{"PUT": "x"}[method]
			status, _, text := s.ask(method, path, body, "Depth", "0", "Destination", "/dav/stolen")
			linked := path == "/dav/secret" && (method == "DELETE" || method == "PUT" ||
				method == "MOVE") // that is the link itself
			if status < 300 && !linked || s.file("stolen") == "secret" {
				t.Errorf("%s %s: %d %q", method, path, status, text)
			}
			_ = os.Remove(filepath.Join(s.dir, "stolen"))
		}
	}
	for _, to := range []string{
		"/dav/up/x", "/dav/abs/x", "/x", "/davx", "/dav/../x", "/dav/%2e%2e/x", "/dav/..%2fx",
		"http://other.test/dav/x", "", ":", "/dav", "/dav/", "/dav/d", "/dav/d/", "/dav/d/e/f",
		"/dav/d/../d/x",
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			if status, _, _ := s.ask(method, "/dav/d", "", "Destination", to); status < 400 {
				t.Errorf("%s to %s: %d", method, to, status)
			}
		}
	}
	s.want(403, "MOVE", "/dav/d/e", "", "Destination", "/dav/d", "Overwrite", "T")
	s.want(403, "MOVE", "/dav/in/e", "", "Destination", "/dav/d") // "in" leads to d
	s.want(403, "COPY", "/dav/d", "", "Destination", "/dav/in/x")
	if status, _, _ := s.ask("DELETE", "/dav/", ""); status < 400 {
		t.Errorf("the directory itself was deleted: %d", status)
	}
	s.wantFile("d/e/c.txt", "most")
	if text, err := os.ReadFile(secret); err != nil || string(text) != "secret" {
		t.Errorf("outside: %q, %v", text, err)
	}
	left, err := os.ReadDir(filepath.Dir(s.dir))
	if err != nil || len(left) != 2 {
		t.Errorf("outside there is %v, %v", left, err)
	}
}

const patience = 20 * time.Second

// TestBrokenUpload: what does not come as a whole changes nothing and leaves nothing.
func TestBrokenUpload(t *testing.T) {
	s := newSite(t, webdav.Config{Write: true, MaxBody: 1 << 20})
	s.want(413, "PUT", "/dav/a.txt", strings.Repeat("x", 1<<20+1))
	s.wantFile("a.txt", "text")
	c, err := net.Dial("tcp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "PUT /dav/a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nhalf")
	for end := time.Now().Add(patience); len(s.names()) != 3 && time.Now().Before(end); {
		s.want(200, "GET", "/dav/a.txt", "")
	}
	for _, name := range s.names() {
		if strings.HasPrefix(name, ".webdav") {
			s.want(404, "GET", "/dav/"+name, "")
			s.want(404, "DELETE", "/dav/"+name, "")
			_, _, text := s.ask("PROPFIND", "/dav/", "", "Depth", "1")
			if strings.Contains(text, name) {
				t.Error("an upload is seen before it is whole")
			}
		}
	}
	_ = c.Close()
	for end := time.Now().Add(patience); len(s.names()) != 2 && time.Now().Before(end); {
		s.want(200, "GET", "/dav/a.txt", "")
	}
	if names := s.names(); len(names) != 2 {
		t.Errorf("what broke off left %q", names)
	}
	s.wantFile("a.txt", "text")
}

func (s *site) names() (names []string) {
	list, err := os.ReadDir(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// TestTimeouts: what a client asks for is at most what it gets, and what is malformed is 400.
func TestTimeouts(t *testing.T) {
	s := newSite(t, webdav.Config{Write: true, LockTime: time.Minute})
	for timeout, want := range map[string]string{
		"": "Second-60<", "Infinite": "Second-60<", "Second-5": "Second-5<",
		"Second-61, Second-5": "Second-60<", "Second-99999999999999999999": "Second-60<",
		"Second-": "", "x": "",
	} {
		status, h, text := s.ask("LOCK", "/dav/a.txt", lockBody, "Timeout", timeout)
		if (status == 200) != (want != "") || !strings.Contains(text, want) {
			t.Errorf("%q: %d %s", timeout, status, text)
		}
		if status == 200 {
			s.want(204, "UNLOCK", "/dav/a.txt", "", "Lock-Token", h.Get("Lock-Token"))
		}
	}
}
