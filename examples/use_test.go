package examples_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request and reads the answer.
func ask(
	t *testing.T, c *http.Client, method, target string, body io.Reader, fields ...string,
) answer {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = "http://site" + target
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// expect is ask, checked.
func expect(t *testing.T, c *http.Client, method, target string, body io.Reader, status int,
	text string, fields ...string) answer {
	t.Helper()
	got := ask(t, c, method, target, body, fields...)
	if got.status != status || got.body != text {
		t.Errorf("%s %s: %d %.100q, want %d %.100q",
			method, target, got.status, got.body, status, text)
	}
	return got
}

func useHello(t *testing.T, s *site) {
	c := s.client(t)
	expect(t, c, "GET", "/hello", nil, 200, "Hello, world!")
	expect(t, c, "HEAD", "/hello", nil, 200, "")
	expect(t, c, "POST", "/hello", nil, 405, "405 Method Not Allowed\n")
	expect(t, c, "GET", "/", nil, 404, "404 Not Found\n")
	expect(t, c, "GET", "/hello?name=you", nil, 200, "Hello, you!")
}

// TestHelloOnUnixSocket runs hello on a socket of a file.
func TestHelloOnUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "golwan") // t.TempDir's names are longer than a socket's may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the program has ended
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
		os.RemoveAll(dir)
	})
	s := run(t, build(t)+"/hello", "unix:"+dir+"/s")
	expect(t, s.client(t), "GET", "/hello?name=you", nil, 200, "Hello, you!")
}

func useEcho(t *testing.T, s *site) {
	c := s.client(t)
	for _, method := range []string{
		"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
	} {
		expect(t, c, method, "/any/path?q", nil, 200, "")
	}
	limit := strings.Repeat("0123456789abcdef", 1<<16)
	expect(t, c, "POST", "/", strings.NewReader(limit), 200, limit)
	expect(t, c, "PUT", "/",
		io.MultiReader(strings.NewReader("sent "), strings.NewReader("in chunks")),
		200, "sent in chunks")
	expect(t, c, "POST", "/", strings.NewReader(limit), 200, limit, "Expect", "100-continue")
	over := strings.NewReader(limit + "+")
	if got := ask(t, c, "POST", "/", over, "Expect", "100-continue"); got.status != 413 {
		t.Errorf("one byte more than the limit: %d %.100q", got.status, got.body)
	}
	for _, tt := range []struct{ request, want string }{
		{"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
			" 501 Not Implemented"},
		{"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nold", " 200 OK"},
	} {
		got, _, _ := strings.Cut(s.raw(t, tt.request), "\r\n")
		if !strings.HasSuffix(got, tt.want) {
			t.Errorf("sent %q, got %q", tt.request, got)
		}
	}
}

// raw sends bytes and reads until the connection is closed.
func (s *site) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(conn); err != nil {
		t.Fatal(err)
	}
	return got.String()
}

func useRoutes(t *testing.T, s *site) {
	c := s.client(t)
	got := expect(t, c, "GET", "/", nil, 200, "GET /{$}\nGET /api/items/{id}\n/api/\nPOST /hits/\n")
	control, id := got.header.Get("Cache-Control"), got.header.Get("X-Request-Id")
	if control != "no-store" || id == "" {
		t.Errorf("Cache-Control: %s, X-Request-Id: %s", control, id)
	}
	got = expect(t, c, "GET", "/api/items/5", nil, 401, "401 Unauthorized\n")
	if v := got.header.Get("WWW-Authenticate"); v != "Bearer" {
		t.Errorf("WWW-Authenticate: %s", v)
	}
	expect(t, c, "GET", "/api/items/5", nil, 200, `{"id":5,"user":"ann"}`, "Authorization",
		"Bearer ann")
	expect(t, c, "GET", "/api/items/five", nil, 404, "404 Not Found\nid is not valid\n",
		"Authorization", "Bearer ann")
	expect(t, c, "GET", "/api/nothing", nil, 401, "401 Unauthorized\n")
	expect(t, c, "GET", "/nothing", nil, 404, "404 Not Found\n")
	expect(t, c, "POST", "/hits/", nil, 200, "11")
	expect(t, c, "POST", "/hits/", nil, 200, "12")
}

func useWaiting(t *testing.T, s *site) {
	c := s.client(t)
	expect(t, c, "GET", "/slow", nil, 200, "That took a second.\n")
	expect(t, c, "GET", "/report", nil, 200, "That took a second, too.\n")
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, c, "GET", "/hostname", nil, 200, name+"\n")

	resp, err := c.Get("http://site/clock")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 2 {
		if !lines.Scan() {
			t.Fatal("the stream ended: ", lines.Err())
		}
		if _, err := time.Parse("data: "+time.TimeOnly, lines.Text()); err != nil {
			t.Error(err)
		}
		lines.Scan() // the empty line that ends the event
	}
	s.endUnder(t, (&feed{t, resp.Body, lines}).rest)
}
