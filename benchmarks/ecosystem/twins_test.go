package ecosystem

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// start serves until stop is called, or the test ends.
func start(t testing.TB, srv *lwan.Server) (addr string, stop func()) {
	t.Helper()
	if srv.Log == nil {
		srv.Log = slog.New(slog.DiscardHandler)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return ln.Addr().String(), stop
}

func startTheirs(t testing.TB, h http.Handler) (addr string, stop func()) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), s.Close
}

// serve starts one of the ways to use a library.
type serve func(t *testing.T, mw layer) (addr string, stop func())

func onHTTP(t *testing.T, mw layer) (string, func()) {
	mux := http.NewServeMux()
	for _, p := range app {
		mux.Handle(p.path, mw(p.theirs))
	}
	return startTheirs(t, mux)
}

func whole(t *testing.T, mw layer) (string, func()) {
	srv := &lwan.Server{}
	for _, p := range app {
		srv.Handle(p.path, lwan.FromHTTP(mw(p.theirs)))
	}
	return start(t, srv)
}

func between(t *testing.T, mw layer) (string, func()) {
	srv := &lwan.Server{}
	srv.Use(lwan.FromHTTPMiddleware(mw))
	for _, p := range app {
		srv.Handle(p.path, lwan.FromHTTP(p.theirs))
	}
	return start(t, srv)
}

func oursOnHTTP(t *testing.T, mw layer) (string, func()) {
	mux := http.NewServeMux()
	for _, p := range app {
		if p.ours != nil {
			mux.Handle(p.path, mw(lwan.ToHTTP(p.ours)))
		}
	}
	return startTheirs(t, mux)
}

func ours(t *testing.T, mw layer) (string, func()) {
	srv := &lwan.Server{}
	for _, p := range app {
		if p.ours != nil {
			srv.Handle(p.path, p.ours, lwan.FromHTTPMiddleware(mw))
		}
	}
	return start(t, srv)
}

// TestLibraries: with each library clients get the same, and it sees the same, whatever it runs on.
func TestLibraries(t *testing.T) {
	for i := range libraries {
		l := &libraries[i]
		t.Run(l.name, func(t *testing.T) {
			compare(t, "FromHTTP", transcript(t, l, onHTTP, all), transcript(t, l, whole, all))
			compare(t, "FromHTTPMiddleware", transcript(t, l, onHTTP, noPanic),
				transcript(t, l, between, noPanic))
			compare(t, "around our handlers", transcript(t, l, oursOnHTTP, whatIsOurs),
				transcript(t, l, ours, whatIsOurs))
		})
	}
}

func all(ask) bool { return true }

// noPanic leaves out what middleware sees as an answer of status 500.
func noPanic(a ask) bool { return a.path != "/panic" }

// whatIsOurs leaves out what handlers of ours do not do, and HEAD, for which ToHTTP writes no body
// that nobody gets.
func whatIsOurs(a ask) bool {
	return a.method != "HEAD" &&
		slices.ContainsFunc(app, func(p page) bool {
			return p.ours != nil && strings.HasPrefix(a.path, p.path)
		})
}

func compare(t *testing.T, name string, want, got []string) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Errorf("%s:\n%s\nnet/http:\n%s", name,
				strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""),
				strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
		}
	}
}

// transcript is what a client gets, one after the other, and what the library says at the end.
func transcript(t *testing.T, l *library, way serve, means func(ask) bool) (all []string) {
	t.Helper()
	mw, seen := l.set()
	addr, stop := way(t, mw)
	asks := l.asks
	if !l.alone {
		asks = append(slices.Clone(usual), l.asks...)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	client := &http.Client{Jar: jar, Transport: tr, Timeout: 20 * time.Second}
	last := http.Header{}
	for _, a := range asks {
		if !means(a) {
			continue
		}
		text, header := one(t, client, addr, a, last)
		all = append(all, text)
		if header != nil {
			last = header
		}
	}
	stop() // what is logged behind an answer is there then
	if seen != nil {
		all = append(all, strings.ReplaceAll(seen(), addr, "server"))
	}
	return all
}

// random is what differs from answer to answer: sessions and tokens.
var random = regexp.MustCompile(
	`(Set-Cookie: \w+=)[^;]*|(Expires=)[^;]*|(X-Token: ).*|(X-Ratelimit-Reset: ).*|(X-Request-Id: ).*|(Retry-After: ).*|(Expires: ).*`)

// one sends a request. {Name} in it stands for a field of the answer before.
func one(
	t *testing.T, client *http.Client, addr string, a ask, last http.Header,
) (string, http.Header) {
	t.Helper()
	fill := func(s string) string { return strings.ReplaceAll(s, "{X-Token}", last.Get("X-Token")) }
	body := fill(a.body)
	if strings.Contains(a.body, "{") {
		body = strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(last.Get("X-Token"))
		body = strings.ReplaceAll(a.body, "{X-Token}", body)
	}
	r, err := http.NewRequest(a.method, "http://"+addr+a.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if a.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for i := 0; i < len(a.fields); i += 2 {
		r.Header.Set(a.fields[i], fill(a.fields[i+1]))
	}
	what := a.method + " " + a.path + "\n"
	resp, err := client.Do(r)
	if err != nil {
		return what + "no answer", nil
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		content = nil // how much of it came is a matter of time
	}
	if resp.Header.Get("Content-Encoding") == "gzip" && a.method != "HEAD" && err == nil {
		content = inflate(t, content)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%d %.300q cut=%v\n",
		what, resp.StatusCode, strings.ReplaceAll(string(content), addr, "server"), err != nil)
	var fields []string
	for name, values := range resp.Header {
		// how it is framed is the server's
		if name != "Date" && name != "Connection" &&
			(name != "Content-Length" || a.method == "HEAD") {
			for _, v := range values {
				fields = append(fields, name+": "+v)
			}
		}
	}
	sort.Strings(fields)
	for i := range fields {
		fields[i] = random.ReplaceAllString(fields[i], "$1$2$3$4$5$6$7*")
	}
	return b.String() + strings.Join(fields, "\n") + "\n", resp.Header
}

func inflate(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(string(b)))
	if err != nil {
		t.Errorf("it says gzip, and is none: %q", b)
		return b
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Errorf("gzip: %v", err)
	}
	return plain
}
