package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// useFastCGI kills a process of the application, and looks whether all of them end with the server.
func useFastCGI(t *testing.T, s *site) {
	c := s.client(t)
	pids := map[int]bool{}
	for range 10 {
		a := ask(t, c, "GET", "/x?y", nil)
		text, number, _ := strings.Cut(strings.TrimSpace(a.body), " from process ")
		pid, err := strconv.Atoi(number)
		if a.status != 200 || !strings.HasSuffix(text, "/x?y") || err != nil {
			t.Fatalf("%+v", a)
		}
		pids[pid] = true
	}
	if len(pids) != 2 {
		t.Errorf("answered by %v", pids)
	}
	t.Cleanup(func() {
		s.end(t)
		for pid := range pids {
			if p, err := os.FindProcess(pid); err == nil && p.Signal(syscall.Signal(0)) == nil {
				t.Errorf("process %d has been left behind", pid)
			}
		}
	})
}

// TestFastCGIOfPHP runs a page of PHP.
func TestFastCGIOfPHP(t *testing.T) {
	bin := build(t)
	php, err := exec.LookPath("php-cgi")
	if err != nil {
		t.Skip("skipped: php-cgi is not installed")
	}
	root := t.TempDir()
	page := []byte(`<?php echo "Hello, ", $_GET["name"], "!";`)
	if err := os.WriteFile(filepath.Join(root, "index.php"), page, 0o600); err != nil {
		t.Fatal(err)
	}
	s := run(t, filepath.Join(bin, "fastcgi"), "127.0.0.1:0", "-command", php, "-root", root)
	expect(t, s.client(t), "GET", "/?name=ann", nil, 200, "Hello, ann!")
	expect(t, s.client(t), "GET", "/index.php?name=bob", nil, 200, "Hello, bob!")
}
