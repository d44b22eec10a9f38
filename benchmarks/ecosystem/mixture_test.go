package ecosystem

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/handlers"

	"github.com/golwan/golwan/lwan"
)

// Each request has a marker, in a field and all over its body. A client, handler or left-behind
// goroutine that sees another marker than its own has got data of another request.

var marks = regexp.MustCompile(`<[0-9]+-[0-9]+>`)

// mixture is the server, and what it has seen.
type mixture struct {
	mu      sync.Mutex
	strange []string
	strays  sync.WaitGroup
}

func (m *mixture) check(where, own, text string) {
	for _, found := range marks.FindAllString(text, -1) {
		if found != own {
			m.mu.Lock()
			m.strange = append(m.strange, fmt.Sprintf("%s of %s: %s", where, own, found))
			m.mu.Unlock()
			return
		}
	}
}

// pause lasts a time that nobody knows, as of a database.
func pause() { time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) } // what it stands for

// answer writes the marker, more than once, and says what it thinks of the body.
func (m *mixture) answer(w http.ResponseWriter, r *http.Request) {
	own := r.Header.Get("X-Marker")
	w.Header().Set("X-Answer", own)
	body, _ := io.ReadAll(r.Body) // it may end early
	m.check(r.URL.Path, own, string(body))
	pause()
	for range 20 {
		io.WriteString(w, strings.Repeat(own, 10))
	}
	m.check(r.URL.Path, own, r.Header.Get("X-Marker"))
}

// leave leaves a goroutine behind, which goes on with everything.
func (m *mixture) leave(w http.ResponseWriter, r *http.Request) {
	own := r.Header.Get("X-Marker")
	m.strays.Go(func() {
		b := make([]byte, 100)
		for range 10 {
			n, err := r.Body.Read(b)
			m.check("a stray", own, string(b[:n]))
			io.WriteString(w, own)
			http.NewResponseController(w).Flush()
			if errors.Is(err, http.ErrBodyReadAfterClose) {
				break
			}
			pause()
		}
	})
	pause()
}

func (m *mixture) ours(req *lwan.Request, resp *lwan.Response) lwan.Status {
	own := req.Header("X-Marker")
	resp.SetHeader("X-Answer", own)
	body, _ := io.ReadAll(req.Body()) // it may end early
	m.check(req.Path(), own, string(body))
	if err := req.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond); err != nil {
		return resp.Fail(err)
	}
	m.check(req.Path(), own, req.Header("X-Marker"))
	resp.WriteString(strings.Repeat(own, 100))
	return 200
}

// backend answers early, or late, or not to the end.
func backend(w http.ResponseWriter, r *http.Request) {
	own := r.Header.Get("X-Marker")
	switch rand.IntN(4) {
	case 0:
		w.WriteHeader(401) // without a look at the body
	case 1:
		io.WriteString(w, own)
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	default:
		io.Copy(w, r.Body)
	}
}

func (m *mixture) server(t *testing.T) *lwan.Server {
	quick := func(next http.Handler) http.Handler {
		return http.TimeoutHandler(next, 2*time.Millisecond, "late")
	}
	host, _ := startTheirs(t, http.HandlerFunc(backend))
	to := &url.URL{Scheme: "http", Host: host}
	tr := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(tr.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, Transport: tr,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	srv := &lwan.Server{Loops: 1, LingerTimeout: 50 * time.Millisecond}
	srv.Handle("/inline", m.ours)
	srv.Handle("/blocking", m.ours, lwan.Blocking)
	srv.Handle("/http", lwan.FromHTTP(http.HandlerFunc(m.answer)))
	srv.Handle("/leave", lwan.FromHTTP(http.HandlerFunc(m.leave)))
	srv.Handle("/late", lwan.FromHTTP(quick(http.HandlerFunc(m.answer))))
	srv.Handle("/late-within", lwan.FromHTTP(http.HandlerFunc(m.answer)),
		lwan.FromHTTPMiddleware(quick))
	srv.Handle("/late-ours", m.ours, lwan.FromHTTPMiddleware(quick))
	srv.Handle("/zip-ours", m.ours, lwan.FromHTTPMiddleware(middleware.Compress(5)),
		lwan.FromHTTPMiddleware(middleware.Recoverer))
	srv.Handle("/zip-late", lwan.FromHTTP(http.HandlerFunc(m.leave)),
		lwan.FromHTTPMiddleware(handlers.CompressHandler), lwan.FromHTTPMiddleware(quick))
	srv.Handle("/proxy", lwan.FromHTTP(proxy))
	srv.Handle("/proxy-within", lwan.FromHTTP(proxy), lwan.FromHTTPMiddleware(quick))
	return srv
}

var mixed = []string{
	"/inline", "/blocking", "/http", "/leave", "/late", "/late-within", "/late-ours", "/zip-ours",
	"/zip-late", "/proxy", "/proxy-within",
}

// TestMixture: 10,000 requests of all kinds on one loop, many given up by middleware, by their
// backends or by their clients in the middle of a body.
func TestMixture(t *testing.T) {
	total, clients := 10_000, 8
	if testing.Short() {
		total = 1000
	}
	m := &mixture{}
	addr, _ := start(t, m.server(t))
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(c)))
			conn := &keptConn{addr: addr}
			defer conn.close()
			for n := range total / clients {
				m.request(t, r, conn, fmt.Sprintf("<%d-%d>", c, n))
			}
		})
	}
	all.Wait()
	m.strays.Wait()
	for i, s := range m.strange {
		if i < 10 {
			t.Error(s)
		}
	}
}

// keptConn is a connection that is used for many requests.
type keptConn struct {
	addr string
	c    net.Conn
	r    *bufio.Reader
}

func (k *keptConn) open() error {
	if k.c != nil {
		return nil
	}
	c, err := net.Dial("tcp", k.addr)
	if err != nil {
		return err
	}
	k.c, k.r = c, bufio.NewReader(c)
	return c.SetDeadline(time.Now().Add(time.Minute))
}

func (k *keptConn) close() {
	if k.c != nil {
		k.c.Close()
		k.c = nil
	}
}

// request sends one request, some of them only in part, and looks for strange markers in the
// answer.
func (m *mixture) request(t *testing.T, r *rand.Rand, k *keptConn, own string) {
	if err := k.open(); err != nil {
		t.Error(err)
		return
	}
	path := mixed[r.IntN(len(mixed))]
	size := r.IntN(2000) * r.IntN(3)
	body := strings.Repeat(own, size/len(own))
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nX-Marker: %s\r\n", path, own)
	if r.IntN(2) == 0 {
		head += fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))
	} else {
		head += "Transfer-Encoding: chunked\r\n\r\n"
		if body != "" {
			body = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
		}
		body += "0\r\n\r\n"
	}
	sent := body
	leaves := r.IntN(10) == 0
	if leaves {
		sent = body[:r.IntN(len(body)+1)]
	}
	if r.IntN(2) == 0 {
		io.WriteString(k.c, head+sent)
	} else { // the head first
		io.WriteString(k.c, head)
		io.WriteString(k.c, sent)
	}
	if leaves && r.IntN(2) == 0 {
		k.close()
		return
	}
	if leaves {
		// for the answer, which comes anyway
		k.c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		defer k.close()
	}
	resp, err := http.ReadResponse(k.r, nil)
	if err != nil {
		k.close()
		return
	}
	content, err := io.ReadAll(resp.Body)
	m.check(path, own, fmt.Sprint(resp.Header)+string(content))
	if !leaves && resp.StatusCode == 200 && err == nil &&
		strings.Contains("/inline /blocking /http", path) &&
		!strings.Contains(string(content), own) {
		t.Errorf("%s %s: %d %.100q", path, own, resp.StatusCode, content)
	}
	if err != nil || resp.Close {
		k.close()
	}
}
