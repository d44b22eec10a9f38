//go:build linux

package smuggling_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/internal/message"
)

// Behind net/http, requests are parsed by net/http, which takes more than our own parser does.
// There the probes must not make net/http and our handlers see different requests.

// plainServer serves the probes' paths with net/http alone.
func plainServer(t *testing.T) (addr string, seen *sightings) {
	seen = &sightings{by: map[string][]string{}}
	return serveHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(r.RemoteAddr, r.Method+" "+shownTarget(r))
		if strings.HasSuffix(shownTarget(r), "/ignore") {
			fmt.Fprint(w, r.Method, " ", shownTarget(r))
			return
		}
		reciteHTTP(w, r)
	})), seen
}

// serveHTTP serves with net/http until the end of the test.
func serveHTTP(t *testing.T, h http.Handler) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, DisableGeneralOptionsHandler: true}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return l.Addr().String()
}

// shownTarget is what Request.Target shows of it.
func shownTarget(r *http.Request) string { return shown(r.RequestURI) }

func shown(target string) string { return string(message.AppendTarget(nil, []byte(target))) }

// TestSmugglingToHTTP: a handler under net/http sees the requests that net/http sees.
func TestSmugglingToHTTP(t *testing.T) {
	t.Parallel()
	srv, seen := probedServer()
	h, err := srv.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	sameAsHTTP(t, serveHTTP(t, lwan.ToHTTP(h)), seen)
}

// sameAsHTTP sends each probe to addr and to net/http alone.
func sameAsHTTP(t *testing.T, addr string, seen *sightings) {
	plain, plainSeen := plainServer(t)
	paths := []probePath{{path: "/read", reads: true}, {path: "/ignore"}}
	eachProbe(paths, func(p *probe, at probePath) {
		// which net/http serves and ends in no way of its own
		if strings.HasPrefix(p.raw, "CONNECT") {
			return
		}
		raw := p.raw + after
		want := attack(t, plain, plainSeen, []string{raw}, true)
		for how, pieces := range ways(raw) {
			o := attack(t, addr, seen, pieces, true)
			if !likePlain(o, want) {
				t.Errorf("%s at %s, %s\nsent %q\ngot  %v\nnet/http: %v",
					p.name, at.path, how, raw, o, want)
			}
		}
	})
}

// likePlain: the same answers, but that some of what net/http takes is refused. When it refuses
// itself it may reset the connection and destroy answers.
func likePlain(o, want *outcome) bool {
	n := len(want.answers)
	if isReset(o.err) || isReset(want.err) {
		n = min(n, len(o.answers))
	}
	return len(o.answers) >= n &&
		slices.EqualFunc(o.answers[:n], want.answers[:n], func(a, b string) bool {
			return a == b || a[:3] >= "204"
		}) && (len(o.answers) == n || isReset(want.err))
}
