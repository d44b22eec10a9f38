//go:build linux

package gateway

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// clients ask for a page, again and again, until they are stopped: by status, how many answers
// there were. A pid in an answer is the process that gave it.
type clients struct {
	stop  atomic.Bool
	last  atomic.Int64 // the pid of the last answer
	all   sync.WaitGroup
	mu    sync.Mutex
	count map[int]int
}

func (s *site) clients(n int) *clients {
	k := &clients{count: map[int]int{}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	for range n {
		k.all.Go(func() {
			for !k.stop.Load() {
				status := 0
				if resp, err := client.Get(s.URL + "/app/"); err == nil {
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					pid, bad := strconv.Atoi(string(body))
					switch status = resp.StatusCode; {
					case err != nil || status == 200 && bad != nil: // it was cut
						status = 502
					case status == 200:
						k.last.Store(int64(pid))
					}
				}
				k.mu.Lock()
				k.count[status]++
				k.mu.Unlock()
			}
			client.CloseIdleConnections()
		})
	}
	return k
}

// end stops them, and says what they got.
func (k *clients) end() map[int]int {
	k.stop.Store(true)
	k.all.Wait()
	return k.count
}

// childOfOurs reports whether a process that this one has started runs under that number. Nobody
// else is to be killed.
func childOfOurs(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the state, and the parent
	fields := strings.Fields(rest)
	return pid > 1 && len(fields) > 1 && fields[0] != "Z" && fields[1] == itoa(os.Getpid())
}

// TestProcessReplaced: requests wait while the only process is replaced, however it gets its
// socket.
func TestProcessReplaced(t *testing.T) {
	for kind, listen := range map[string]Listen{"fcgi": OnStdin, "port": ByPort,
		"socket": BySocket} {
		c := childProcess(t, kind)
		c.Listen = listen
		g := &Group{Name: kind, Backends: []Backend{{Process: c}}}
		s := &site{}
		if common := (Common{To: g}); kind == "fcgi" {
			s = serveScript(t, FastCGI, ScriptConfig{Common: common})
		} else {
			s = serveProxy(t, ProxyConfig{Common: common})
		}
		k := s.clients(4)
		until(t, "an answer", func() bool { return k.last.Load() != 0 })
		for range 5 {
			was := k.last.Load()
			g.pool.Load().slots[0].recycle <- struct{}{}
			until(t, kind+": another one answers", func() bool { return k.last.Load() != was })
		}
		if got := k.end(); len(got) != 1 || got[200] == 0 {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

// TestProcessesKilled: whoever kills the only process again and again ends the request that it has
// in hand, and no other one: those who connect wait, and none finds it down.
func TestProcessesKilled(t *testing.T) {
	const kills = 8
	s := serveProcess(t, childProcess(t, "fcgi"))
	k := s.clients(4)
	until(t, "an answer", func() bool { return k.last.Load() != 0 })
	for range kills {
		var was int64
		until(t, "an answer of the one that runs", func() bool { // and not a late one
			was = k.last.Load()
			return childOfOurs(t, int(was))
		})
		if err := syscall.Kill(int(was), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, "another one answers", func() bool { return k.last.Load() != was })
	}
	got := k.end()
	failed := got[502]
	delete(got, 502)
	if len(got) != 1 || got[200] == 0 || failed > kills {
		t.Errorf("%v, and %d failed", got, failed)
	}
	if n := s.group.Stats()[0].Restarts; n != kills {
		t.Errorf("started %d times more", n)
	}
}
