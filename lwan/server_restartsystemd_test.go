//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// TestRestartWithSystemd: what systemd holds goes on to the next process, whether this one starts
// it or systemd does. No client that connects in between is refused. On net/http there are no
// sockets of systemd.
func TestRestartWithSystemd(t *testing.T) {
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
	s := &site{t: t, dir: t.TempDir(), alive: map[int]bool{}, files: []*os.File{file}}
	s.env = []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=web"}
	s.next("systemd")
	s.begin()
	s.restart() // by itself
	s.wantPid(s.pid)
	busy := dial(t, s.addr)
	busy.send(get1("/wait"))
	s.line("waiting")
	stream := dial(t, s.addr)
	stream.send(get1("/draining"))
	s.line("streaming")
	s.signal(s.pid, syscall.SIGTERM)
	s.line("draining")
	var early []*client
	for range 20 {
		w := dial(t, s.addr)
		w.send(get1("/pid"))
		early = append(early, w)
	}
	s.signal(s.pid, syscall.SIGTERM)
	s.line(fmt.Sprintf("ended %d lwan: requests were cut off", s.pid))
	s.gone()
	late := dial(t, s.addr)
	late.send(get1("/pid"))
	s.begin()
	for _, w := range append(early, late) {
		w.want("GET", 200, strconv.Itoa(s.pid))
	}
	s.end()
}
