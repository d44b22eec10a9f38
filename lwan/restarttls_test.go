//go:build linux

package lwan

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// newSecureSite starts a server with an encrypted endpoint. Its clients know it as "site".
func newSecureSite(t *testing.T, at string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), alive: map[int]bool{}, env: []string{"TLS_AT=" + at}}
	certSpec{hosts: []string{"site"}}.write(t, s.dir, "site")
	s.next("tls")
	return s
}

// askSite sends one request over a connection of its own.
func askSite(addr string, cfg *tls.Config) (pid string, resumed bool, err error) {
	conn, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return "", false, err
	}
	defer conn.Close()
	request := "GET /pid HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return "", false, err
	}
	text, err := io.ReadAll(conn) // the end, and not its absence, is sent too
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
		return "", false, fmt.Errorf("%q, %w", text, err)
	}
	_, pid, _ = strings.Cut(string(text), "\r\n\r\n")
	return pid, conn.ConnectionState().DidResume, nil
}

// TestRestartEncrypted restarts a server twice while clients connect to it all the time: no
// handshake and no request fails, and sessions that began before go on, as the keys of their
// tickets were handed over, and nowhere to be seen.
func TestRestartEncrypted(t *testing.T) {
	t.Parallel()
	s := newSecureSite(t, "127.0.0.1:0")
	s.begin()
	addr := s.addr // which stays as it is
	var clients sync.WaitGroup
	var asked atomic.Int64
	done := make(chan struct{})
	for i := range 3 {
		clients.Go(func() {
			cfg := clientTLS()
			cfg.MaxVersion = []uint16{tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS13}[i]
			if i > 0 {
				cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			}
			for n := 0; n < 100_000; n++ {
				select {
				case <-done:
					return
				default:
				}
				if _, _, err := askSite(addr, cfg); err != nil {
					t.Error(err)
					return
				}
				asked.Add(1)
			}
		})
	}
	olds := []*tls.Config{}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := clientTLS()
		cfg.MaxVersion, cfg.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		if _, _, err := askSite(addr, cfg); err != nil {
			t.Fatal(err)
		}
		olds = append(olds, cfg)
	}
	for range 2 {
		before := asked.Load()
		s.restart()
		settledNow(t, func() bool { return asked.Load() > before+10 })
		for _, cfg := range olds {
			pid, resumed, err := askSite(addr, cfg)
			if pid != strconv.Itoa(s.pid) || !resumed || err != nil {
				t.Errorf("process %s, want %d; resumed %v, %v", pid, s.pid, resumed, err)
			}
		}
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.pid))
		if err != nil || strings.Contains(string(env), "Secret") {
			t.Error("the keys stand in the environment: ", err)
		}
	}
	close(done)
	clients.Wait()
	s.end()
}

// TestSystemdEncrypted: a socket of systemd may be encrypted, too.
func TestSystemdEncrypted(t *testing.T) {
	if !onLoops {
		t.Skip("skipped: on net/http there are no sockets of systemd")
	}
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := newSecureSite(t, "systemd:web")
	s.files = []*os.File{file}
	s.env = append(s.env, "LISTEN_FDS=1", "LISTEN_FDNAMES=web")
	s.begin()
	for range 2 {
		if pid, _, err := askSite(s.addr, clientTLS()); pid != strconv.Itoa(s.pid) || err != nil {
			t.Errorf("%s, want %d; %v", pid, s.pid, err)
		}
		s.restart()
	}
	s.end()
}
