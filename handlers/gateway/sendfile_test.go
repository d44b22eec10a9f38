package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// TestSendFile: a backend names a file, which a route that nobody else can ask for sends, if it is
// in one of the directories.
func TestSendFile(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Sendfile", r.Header.Get("X-Name"))
		w.Header().Set("Content-Type", "text/x")
		w.WriteHeader(203)
	})
	dirs := map[string]string{"/srv/private": "/private", "/srv/private/deep": "/deep/"}
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group(), SendFile: dirs}},
		func(srv *lwan.Server) {
			show := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				return resp.Text(200, req.Param("name"))
			}
			srv.Handle("GET /private/{name...}", show, lwan.Internal)
			srv.Handle("GET /deep/{name...}", show, lwan.Internal)
		})
	get := func(name string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Name", name)
		resp, err := s.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, readAll(resp.Body)
	}
	for name, want := range map[string]string{
		"/srv/private/a.txt":         "a.txt",
		"/srv/private/b/c d%2fe?f#g": "b/c d%2fe?f#g",
		"/srv/private/\xff":          "\xff",
		"/srv/private/deep/x":        "x",
		"/srv/private/deeper/x":      "deeper/x",
	} {
		if status, got := get(name); status != 200 || got != want {
			t.Errorf("%q: %d %q", name, status, got)
		}
	}
	s.log.take()
	for _, name := range []string{
		"/etc/passwd", "/srv/private", "/srv/private/", "/srv/private/../x", "/srv/privateer/x",
		"/srv/private//x", "/srv/private/./x", "/srv/private/x/..", "srv/private/x", "x",
		"//srv/private/x",
	} {
		if status, body := get(name); status != 404 {
			t.Errorf("%q: %d %q", name, status, body)
		}
		until(t, "it is logged", func() bool {
			return strings.Contains(strings.Join(s.log.take(), ""), "in no directory of SendFile")
		})
	}
	if status, _, _ := s.get(t, "/private/a.txt"); status != 404 {
		t.Errorf("from outside: %d", status)
	}
}

// TestSendFileOff: without SendFile it is a field as any other.
func TestSendFileOff(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Sendfile", "/etc/passwd")
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}})
	resp, err := s.Client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Header.Get("X-Sendfile") != "/etc/passwd" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}

// TestSendFileChecked: what makes no sense is refused at the start.
func TestSendFileChecked(t *testing.T) {
	for _, dirs := range []map[string]string{
		{"": "/x"}, {"srv": "/x"}, {"/": "/x"}, {"/srv/": "/x"}, {"/srv/../x": "/x"},
		{"/srv": ""}, {"/srv": "x"}, {"/srv": "/x?y"}, {"/srv": "/x%2f"},
	} {
		srv := &lwan.Server{Addr: "127.0.0.1:0"}
		srv.Mount("/", Proxy.With(ProxyConfig{Common: Common{SendFile: dirs,
			To: &Group{Backends: []Backend{{Address: "127.0.0.1:1"}}}}}))
		if err := srv.ListenAndServe(); err == nil || !strings.Contains(err.Error(), "SendFile") {
			t.Errorf("%q: %v", dirs, err)
		}
	}
}
