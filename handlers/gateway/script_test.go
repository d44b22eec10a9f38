package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	gofcgi "net/http/fcgi"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers/gateway/internal/fcgi"
	"github.com/golwan/golwan/lwan"
)

func TestScriptNames(t *testing.T) {
	php := []string{".php"}
	for _, tt := range []struct {
		prefix    string
		c         ScriptConfig
		path      string
		name, inf string
		bad       bool
	}{
		{"", ScriptConfig{}, "/a/b", "", "/a/b", false},
		{"/app", ScriptConfig{}, "/app/a", "/app", "/a", false},
		{"", ScriptConfig{Root: "/r"}, "/a.php", "/a.php", "", false},
		{"", ScriptConfig{Front: "/index.php"}, "/a/b", "/index.php", "", false},
		{"/app", ScriptConfig{Front: "/index.php"}, "/app/b", "/app/index.php", "", false},
		{"", ScriptConfig{Extensions: php}, "/a.php", "/a.php", "", false},
		{"", ScriptConfig{Extensions: php}, "/d/a.php/x/y.php", "/d/a.php", "/x/y.php", false},
		{"/app", ScriptConfig{Extensions: php}, "/app/a.php/x", "/app/a.php", "/x", false},
		{"", ScriptConfig{Extensions: php, Index: "index.php"}, "/d/", "/d/index.php", "", false},
		{"", ScriptConfig{Extensions: php}, "/d/", "", "", true},
		{"", ScriptConfig{Extensions: php}, "/a.phpx", "", "", true},
		{"", ScriptConfig{Extensions: php}, "/.php", "", "", true},
		{"", ScriptConfig{Extensions: php}, "/image.jpg\x00a.php", "", "", true},
		{"", ScriptConfig{Front: "/index.php"}, "/a\x00b", "", "", true},
	} {
		s := &scripts{ScriptConfig: tt.c, prefix: tt.prefix}
		got, err := s.find(tt.path)
		if (err != nil) != tt.bad || got != (script{tt.name, tt.inf}) {
			t.Errorf("%q %+v: %+v %v, want %q %q", tt.path, tt.c, got, err, tt.name, tt.inf)
		}
	}
}

// serveScript starts a server with such a module at /app.
func serveScript(
	t testing.TB, m lwan.Module[ScriptConfig], c ScriptConfig, change ...func(srv *lwan.Server),
) *site {
	t.Helper()
	s := &site{log: new(lines), group: c.To}
	srv := &lwan.Server{Log: s.log.logger(), Loops: 1}
	srv.Limits.Body = 4 << 20
	for _, fn := range change {
		fn(srv)
	}
	srv.Mount("/app", m.With(c))
	s.start(t, srv)
	return s
}

// fcgiBackend is an application of package net/http/fcgi.
func fcgiBackend(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "fcgi"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- gofcgi.Serve(ln, h) }()
	t.Cleanup(func() { ln.Close(); <-done })
	return "unix:" + ln.Addr().String()
}

func TestFastCGI(t *testing.T) {
	address := fcgiBackend(t, func(w http.ResponseWriter, r *http.Request) {
		env := gofcgi.ProcessEnv(r)
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Type", r.Header.Get("Content-Type"))
		if r.URL.Path == "/app/404" {
			w.WriteHeader(404)
			return
		}
		fmt.Fprintf(w, "%s %s %s host=%s proxy=%q x=%q under=%q root=%s body=%d %v", r.Method,
			r.URL, env["PATH_INFO"], r.Host, r.Header.Get("Proxy"), r.Header.Get("X-Some"),
			r.Header.Get("X-Under"), env["DOCUMENT_ROOT"], len(body), err)
	})
	for _, keep := range []bool{false, true} {
		g := &Group{Name: "fcgi", Backends: []Backend{{Address: address}}}
		s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}, Root: "/srv/",
			Front: "/index.php", KeepConns: keep})
		for _, n := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20} {
			for _, chunked := range []bool{false, true} {
				body := io.Reader(strings.NewReader(strings.Repeat("x", n)))
				if chunked {
					body = struct{ io.Reader }{body}
				}
				r, _ := http.NewRequest("POST", s.URL+"/app/a%20b?q=1", body)
				r.Header = http.Header{"Proxy": {"evil"}, "X-Some": {"a", "b"}, "X_under": {"evil"},
					"Content-Type": {"text/x"}}
				resp, err := s.Client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				got := readAll(resp.Body)
				resp.Body.Close()
				want := fmt.Sprintf("POST http://%s/app/a%%20b?q=1  host=%[1]s proxy=\"\" x=%q "+
					"under=\"\" root=/srv body=%d <nil>", r.Host, "a, b", n)
				if got != want || resp.Header.Get("X-Type") != "text/x" || resp.StatusCode != 200 {
					t.Errorf("%d bytes: %d %q %q\nwant %q",
						n, resp.StatusCode, got, resp.Header, want)
				}
			}
		}
		if status, body, _ := s.get(t, "/app/404"); status != 404 || body != "" {
			t.Errorf("%d %q", status, body)
		}
		if st := g.Stats()[0]; keep != (st.Reused > 0) || st.Failed != 0 {
			t.Errorf("keep %v: %+v", keep, st)
		}
	}
}

// fcgiRecord is one as an application sends it.
func fcgiRecord(kind byte, content string) string {
	pad := -len(content) & 7
	n := len(content)
	return string([]byte{1, kind, 0, 1, byte(n >> 8), byte(n), byte(pad), 0}) +
		content + strings.Repeat("\x00", pad)
}

// TestFastCGIFaults: answers that an application must not give, and what it says on standard error.
func TestFastCGIFaults(t *testing.T) {
	const page = "Content-Type: text/plain\r\n\r\nhello"
	end := fcgiRecord(3, "\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, tt := range []struct {
		name, raw string
		status    int
		body      string
		cut       bool
		logged    string
	}{
		{"ok", fcgiRecord(6, page) + end, 200, "hello", false, ""},
		{"status", fcgiRecord(6, "Status: 404 No\r\n\r\nno") + end, 404, "no", false, ""},
		{"location", fcgiRecord(6, "Location: http://a/\r\n\r\n") + end, 302, "", false, ""},
		{"stderr", fcgiRecord(7, "PHP War") + fcgiRecord(6, page) +
			fcgiRecord(7, "ning: x\n") + end, 200, "hello", false, "PHP Warning: x"},
		{"in pieces", fcgiRecord(6, page[:10]) + fcgiRecord(6, page[10:]) + end,
			200, "hello", false, ""},
		{"with a length", fcgiRecord(6, "Content-Length: 5\r\n"+page) + end,
			200, "hello", false, ""},
		{"closes", "", 502, "", false, "502"},
		{"no end", fcgiRecord(6, page), 200, "hello", true, "cut"},
		{"too short", fcgiRecord(6, "Content-Length: 6\r\n"+page) + end, 200, "hello", true, "cut"},
		{"no head", fcgiRecord(6, "hello") + end, 502, "", false, "502"},
		{"nothing", end, 502, "", false, "502"},
		{"another request", "\x01\x06\x00\x02\x00\x01\x00\x00x",
			502, "", false, "malformed record"},
		{"http", "HTTP/1.1 400 Bad Request\r\n\r\n", 502, "", false, "malformed record"},
		{"overloaded", fcgiRecord(3, "\x00\x00\x00\x00\x02\x00\x00\x00"),
			503, "", false, "overloaded"},
		{"bad name", fcgiRecord(6, "Content Type: x\r\n\r\nhello") + end, 502, "", false, "502"},
	} {
		for _, size := range []int{1 << 20, 1} {
			b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
				if !readFCGI(r) {
					return
				}
				for raw := tt.raw; raw != ""; {
					n := min(size, len(raw))
					io.WriteString(c, raw[:n])
					raw = raw[n:]
				}
			})
			g := groupOf(b)
			s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}})
			status, body, cut := s.get(t, "/app/x")
			if status != tt.status || cut != tt.cut || tt.status < 500 && body != tt.body {
				t.Errorf("%s: %d %q, cut %v", tt.name, status, body, cut)
			}
			if tt.logged == "" {
				if l := s.log.take(); len(l) > 0 {
					t.Errorf("%s: logged %q", tt.name, l)
				}
				continue
			}
			var l []string
			until(t, tt.name+": a line", func() bool {
				l = append(l, s.log.take()...)
				return len(l) > 0
			})
			if len(l) != 1 || !strings.Contains(l[0], tt.logged) ||
				!strings.Contains(l[0], b.address) {
				t.Errorf("%s: logged %q, want %q", tt.name, l, tt.logged)
			}
		}
	}
}

// readFCGI reads a request to the end of its standard input.
func readFCGI(r *bufio.Reader) bool {
	for {
		head := make([]byte, 8)
		if _, err := io.ReadFull(r, head); err != nil {
			return false
		}
		n := int(head[4])<<8 | int(head[5])
		if _, err := r.Discard(n + int(head[6])); err != nil {
			return false
		}
		if fcgi.Type(head[1]) == fcgi.Stdin && n == 0 {
			return true
		}
	}
}

// TestSCGI reads what an application gets, straight by the protocol's text.
func TestSCGI(t *testing.T) {
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		length, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, _ := strconv.Atoi(strings.TrimSuffix(length, ":"))
		head := make([]byte, n+1)
		if _, err := io.ReadFull(r, head); err != nil || head[n] != ',' {
			t.Errorf("%q %v", head, err)
			return
		}
		parts := strings.Split(string(head[:n]), "\x00")
		env := map[string]string{}
		for i := 0; i+1 < len(parts); i += 2 {
			if _, twice := env[parts[i]]; twice {
				t.Errorf("%s is there twice", parts[i])
			}
			env[parts[i]] = parts[i+1]
		}
		if env["HTTP_USER_AGENT"] != "in place of the client's" || env["OTHER"] != "x" {
			t.Errorf("of Vars: %q", env)
		}
		size, _ := strconv.Atoi(env["CONTENT_LENGTH"])
		body := make([]byte, size)
		_, err = io.ReadFull(r, body)
		fmt.Fprintf(c, "Status: 201 Made\r\nContent-Type: text/plain\r\n\r\n%s %s %s %s %s %d %v",
			parts[0], env["SCGI"], env["REQUEST_METHOD"], env["PATH_INFO"], env["QUERY_STRING"],
			size, err)
	})
	s := serveScript(t, SCGI, ScriptConfig{Common: Common{To: groupOf(b)},
		Vars: map[string]string{"HTTP_USER_AGENT": "in place of the client's", "OTHER": "x"}})
	for _, n := range []int{0, 5, 100_000} {
		status, body, _ := s.do(t, "POST", "/app/x/y?z", strings.NewReader(strings.Repeat("x", n)))
		want := fmt.Sprintf("CONTENT_LENGTH 1 POST /x/y z %d <nil>", n)
		if status != 201 || body != want {
			t.Errorf("%d %q, want %q", status, body, want)
		}
	}
}

// TestUWSGI does the same for uwsgi.
func TestUWSGI(t *testing.T) {
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(r, head); err != nil {
			return
		}
		packet := make([]byte, int(head[1])|int(head[2])<<8)
		if _, err := io.ReadFull(r, packet); err != nil {
			return
		}
		env := map[string]string{}
		next := func() string {
			n := int(packet[0]) | int(packet[1])<<8
			s := string(packet[2 : 2+n])
			packet = packet[2+n:]
			return s
		}
		for len(packet) > 0 {
			name := next()
			env[name] = next()
		}
		size, _ := strconv.Atoi(env["CONTENT_LENGTH"])
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n%d %s %s %d %v",
			head[0], env["SCRIPT_NAME"], env["PATH_INFO"], size, err)
	})
	s := serveScript(t, UWSGI, ScriptConfig{Common: Common{To: groupOf(b)}})
	for _, n := range []int{0, 5, 100_000} {
		status, body, _ := s.do(t, "POST", "/app/x", strings.NewReader(strings.Repeat("x", n)))
		if want := fmt.Sprintf("0 /app /x %d <nil>", n); status != 200 || body != want {
			t.Errorf("%d %q, want %q", status, body, want)
		}
	}
	r, _ := http.NewRequest("GET", s.URL+"/app/"+strings.Repeat("x", 7000), nil)
	for i := range 8 {
		r.Header.Set("X-"+itoa(i), strings.Repeat("y", 2500))
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("many variables: %d", resp.StatusCode)
	}
}

// TestScriptCheck: what is not there, or is a link out of Root, is 404 without a look at a backend.
func TestScriptCheck(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.php"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out.php")); err != nil {
		t.Skip(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.php"), 0o700); err != nil {
		t.Fatal(err)
	}
	address := fcgiBackend(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, gofcgi.ProcessEnv(r)["SCRIPT_FILENAME"])
	})
	g := &Group{Name: "fcgi", Backends: []Backend{{Address: address}}}
	s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}, Root: dir, Check: true,
		Extensions: []string{".php"}})
	for path, want := range map[string]int{
		"/app/a.php": 200, "/app/a.php/info": 200, "/app/b.php": 404, "/app/out.php": 404,
		"/app/dir.php": 404, "/app/a.txt": 404, "/app/x%2fa.php": 404,
	} {
		status, body, _ := s.get(t, path)
		if status != want || status == 200 && body != filepath.Join(dir, "a.php") {
			t.Errorf("%s: %d %q, want %d", path, status, body, want)
		}
	}
	if st := g.Stats()[0]; st.Requests != 2 {
		t.Errorf("%d requests have reached the backend", st.Requests)
	}
}

// TestScriptHeld: a slow client does not hold a script, whose answer is kept in memory.
func TestScriptHeld(t *testing.T) {
	const size = 32 << 20 // more than the system keeps for a client
	address := fcgiBackend(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", size))
	})
	g := &Group{Name: "fcgi", Backends: []Backend{{Address: address}}}
	s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}}, func(srv *lwan.Server) {
		srv.Limits.Buffer = size + 1
	})
	c := s.dial(t)
	defer c.Close()
	io.WriteString(c, "GET /app/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	until(t, "the script is free", func() bool {
		st := g.Stats()[0]
		return st.Requests == 1 && st.Active == 0
	})
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if n := len(readAll(c)); n < size {
		t.Errorf("%d bytes", n)
	}
}
