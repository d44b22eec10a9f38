package examples_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// useRedis asks for nothing that needs a Redis, which TestRedisExample has.
func useRedis(t *testing.T, s *site) {
	if a := ask(t, s.client(t), "GET", "/", nil); a.status != 404 {
		t.Errorf("%+v", a)
	}
}

// TestRedisExample counts with a Redis of its own.
func TestRedisExample(t *testing.T) {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	bin, dir := build(t), t.TempDir()
	socket := filepath.Join(dir, "redis.sock")
	cmd := exec.Command(server, "--port", "0", "--unixsocket", socket, "--save", "",
		"--appendonly", "no", "--dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
	s := run(t, filepath.Join(bin, "redis"), "127.0.0.1:0", "-redis", socket)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			c := s.client(t)
			for range 50 {
				if a := ask(t, c, "GET", "/hits/page", nil); a.status != 200 {
					t.Errorf("%+v", a)
				}
			}
		})
	}
	clients.Wait()
	if a := ask(t, s.client(t), "GET", "/hits/page", nil); a.body != fmt.Sprintln(8*50+1) {
		t.Errorf("%+v", a)
	}
}
