//go:build linux

package conf

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers/gateway"
)

// TestReloadKeepsGroups: a group that nothing has changed about goes on, with its connections and
// counts, whatever changes around it; one that is another one begins anew.
func TestReloadKeepsGroups(t *testing.T) {
	p := newProxyRig(t)
	const head = reloadHead + "threads = 1\n"
	first := p.text("group api { to = ONE }\nsite {\n proxy / { group = api }\n" +
		" proxy /own { to = TWO }\n}\n")
	r := startReloadable(t, head+first)
	groups := func() []*gateway.Group { return r.srv.config.book.groups() }
	was := groups()
	for _, path := range []string{"/", "/own/"} {
		if status, body := r.get(t, path); status != 200 {
			t.Fatalf("%s: %d %q", path, status, body)
		}
	}
	for _, text := range []string{
		first + "site other.test { response / { code = 200 } }\n", // elsewhere
		p.text("group api { to = ONE }\nsite {\n proxy / { group = api\n head_timeout = 5s }\n" +
			" proxy /own { to = TWO\n path = /x }\n access { deny = 10.0.0.0/8 }\n}\n"), // around
		first,
	} {
		if err := r.reload(t, head+text); err != nil {
			t.Fatal(err)
		}
		r.get(t, "/")
		r.get(t, "/own/")
		now := groups()
		if len(now) != 2 || now[0] != was[0] || now[1] != was[1] {
			t.Fatalf("%s: other groups", text)
		}
	}
	for _, g := range was {
		if st := stateOfGroup(g); st.Requests != 4 || st.Connects != 1 || st.Reused != 3 {
			t.Errorf("%s: %+v", g.Name, st)
		}
	}
	if err := r.reload(t, head+"group api { to = NOBODY }\nsite {\n}\n"); err == nil {
		t.Error("an address that is none")
	}
	changed := p.text("group api { to = TWO }\nsite {\n proxy / { group = api }\n}\n")
	if err := r.reload(t, head+changed); err != nil {
		t.Fatal(err)
	}
	if _, body := r.get(t, "/"); !strings.HasPrefix(body, "two ") {
		t.Errorf("the group's backend is still %q", body)
	}
	// it goes with the last request of the configuration before, once its loop has noticed
	for end := time.Now().Add(20 * time.Second); slices.Contains(groups(), was[0]); {
		if time.Now().After(end) {
			t.Fatal("the old group is still there")
		}
		runtime.Gosched()
	}
}

// TestReloadKeepsProcesses: so do processes that a group has started.
func TestReloadKeepsProcesses(t *testing.T) {
	php, err := exec.LookPath("php-cgi")
	if err != nil {
		t.Skip("there is no php-cgi")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pid.php"), []byte("<?php echo getmypid();"),
		0o600); err != nil {
		t.Fatal(err)
	}
	site := func(more string) string {
		return reloadHead + strings.NewReplacer("PHP", php, "DIR", dir).Replace(
			"site {\n fastcgi / {\n process { command = PHP }\n root = DIR\n"+more+"}\n}\n")
	}
	r := startReloadable(t, site(""))
	_, first := r.get(t, "/pid.php")
	if err := r.reload(t, site("vars { A = b }\n")); err != nil {
		t.Fatal(err)
	}
	if _, second := r.get(t, "/pid.php"); first == "" || second != first {
		t.Errorf("process %q, then %q", first, second)
	}
}
