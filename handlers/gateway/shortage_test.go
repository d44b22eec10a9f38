//go:build linux

package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
)

// withoutDescriptors runs fn while the process can open nothing.
func withoutDescriptors(t *testing.T, fn func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	none := was
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
	}()
	fn()
}

// TestShortage: that this process has no descriptor left is 503, and no fault of the backends,
// which are used again as soon as there is one; nor does a check that cannot be made say anything
// of them.
func TestShortage(t *testing.T) {
	serve := func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
		}
	}
	g := groupOf(newBackend(t, serve), newBackend(t, serve))
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	if status, _, _ := s.get(t, "/"); status != 200 { // the client's connection stays
		t.Fatal(status)
	}
	h, checks := &Health{}, map[*member]*pulse{}
	withoutDescriptors(t, func() {
		for range 4 {
			if status, _, _ := s.get(t, "/"); status != 503 {
				t.Errorf("without descriptors: %d", status)
			}
		}
		p := g.pool.Load()
		g.Health = h
		for range 4 {
			p.checkAll(t.Context(), checks)
		}
	})
	for _, st := range g.Stats() {
		if st.State != Up || st.Failed != 0 {
			t.Errorf("%+v", st)
		}
	}
	if status, body, _ := s.get(t, "/"); status != 200 || body != "ok" {
		t.Errorf("afterwards: %d %q", status, body)
	}
}
