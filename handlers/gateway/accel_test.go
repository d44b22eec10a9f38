package gateway

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// TestAccelMethods: what a backend names is sent for GET, whatever the request was: its content has
// been the backend's. What the backend says of the file counts.
func TestAccelMethods(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, " ", r.ContentLength, readAll(r.Body))
	})
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h.Set("X-Accel-Redirect", r.Header.Get("X-To"))
		h.Set("Content-Type", "text/x")
		h.Set("Content-Disposition", "attachment")
		h.Add("Cache-Control", "private")
		h.Add("Set-Cookie", "a=b; Domain=inside")
		h.Add("Cache-Control", "max-age=7")
		h.Set("ETag", `"its"`)
	})
	s := serveProxy(t, ProxyConfig{
		Common:  Common{To: b.group(), Accel: true},
		MapHost: map[string]string{"inside": "outside"},
	}, func(srv *lwan.Server) {
		srv.Handle("GET /files/", lwan.FromHTTP(http.StripPrefix("/files",
			http.FileServer(http.Dir(dir)))))
		srv.Mount("/second", Proxy.With(ProxyConfig{Common: Common{To: second.group()}}))
	})
	ask := func(method, to, parts string, n int) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/x",
			strings.NewReader(strings.Repeat("x", n)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"X-To": {to}, "Range": {parts}}
		resp, err := s.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp, readAll(resp.Body)
	}
	for _, n := range []int{0, 10, 200_000} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			resp, got := ask(method, "/files/a.txt", "", n)
			h := resp.Header
			if resp.StatusCode != 200 || got != "0123456789" || h.Get("Content-Type") != "text/x" ||
				h.Get("Content-Disposition") != "attachment" || h.Get("ETag") != "" ||
				fmt.Sprint(h["Cache-Control"]) != "[private max-age=7]" ||
				fmt.Sprint(h["Set-Cookie"]) != "[a=b; Domain=outside]" {
				t.Errorf("%s, %d bytes: %d %q %v", method, n, resp.StatusCode, got, h)
			}
			if _, got := ask(method, "/second/", "", n); got != "GET 0" {
				t.Errorf("%s, %d bytes: the second one has got %.30q", method, n, got)
			}
		}
	}
	if resp, got := ask("POST", "/files/a.txt", "bytes=2-4", 1); resp.StatusCode != 206 ||
		got != "234" || resp.Header.Get("Content-Type") != "text/x" {
		t.Errorf("%d %q %v", resp.StatusCode, got, resp.Header)
	}
	if resp, _ := ask("GET", "/files/a.txt", "bytes=0-1,4-5", 0); !strings.HasPrefix(
		resp.Header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("of several parts: %v", resp.Header)
	}
	if resp, _ := ask("GET", "/files/none", "", 0); resp.StatusCode != 404 ||
		resp.Header.Get("Content-Disposition") != "" || resp.Header.Get("Cache-Control") != "" {
		t.Errorf("of nothing: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestContentReadBefore: a request of whose content somebody has read a part fails at once, and no
// backend waits for the rest.
func TestContentReadBefore(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("it has got all")
		}
	})
	script := fcgiBackend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}}, func(srv *lwan.Server) {
		srv.Use(func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if _, err := io.ReadFull(req.Body(), make([]byte, 10)); err != nil {
					return resp.Fail(err)
				}
				return next(req, resp)
			}
		})
		srv.Mount("/app", FastCGI.With(ScriptConfig{
			Common: Common{To: &Group{Backends: []Backend{{Address: script}}}}}))
	})
	for _, path := range []string{"/", "/app/x"} {
		status, _, _ := s.do(t, "POST", path, strings.NewReader(strings.Repeat("x", 200_000)))
		if status != 500 {
			t.Errorf("%s: %d", path, status)
		}
	}
}
