//go:build linux

package conn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func listen(t *testing.T, addr string, cfg ListenConfig) *Lane {
	t.Helper()
	lane, err := Listen(addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return lane
}

// talk asks a server on addr to echo a line.
func talk(t *testing.T, network, addr string) {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 6)
	if _, err := c.Write([]byte("hello\n")); err != nil {
		t.Error(err)
	} else if n, err := c.Read(buf); string(buf[:n]) != "hello\n" {
		t.Errorf("%s %s: %q, %v", network, addr, buf[:n], err)
	}
}

func haveV6(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	ln.Close()
}

func TestListenTCP(t *testing.T) {
	t.Run("v4", func(t *testing.T) {
		r := runOn(t, &script{}, Config{}, listen(t, "127.0.0.1:0", ListenConfig{}))
		talk(t, "tcp4", r.lane.Addr().String())
	})
	t.Run("v6", func(t *testing.T) {
		haveV6(t)
		r := runOn(t, &script{}, Config{}, listen(t, "[::1]:0", ListenConfig{}))
		talk(t, "tcp6", r.lane.Addr().String())
	})
	t.Run("both", func(t *testing.T) {
		haveV6(t)
		r := runOn(t, &script{}, Config{}, listen(t, ":0", ListenConfig{}))
		port := strconv.Itoa(r.lane.Addr().(*net.TCPAddr).Port)
		talk(t, "tcp4", "127.0.0.1:"+port)
		talk(t, "tcp6", "[::1]:"+port)
	})
	t.Run("in use", func(t *testing.T) {
		lane := listen(t, "127.0.0.1:0", ListenConfig{})
		defer lane.Close()
		l, err := Listen(lane.Addr().String(), ListenConfig{})
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%v, %v", l, err)
		}
	})
	t.Run("no address", func(t *testing.T) {
		if l, err := Listen("no port", ListenConfig{}); err == nil {
			t.Errorf("%v", l)
		}
	})
}

// Several listeners: a connection knows which it came from.
func TestLanes(t *testing.T) {
	e, err := New(Config{Loops: 2, Poller: testPoller, Log: slog.New(slog.DiscardHandler),
		Protocol: &script{serve: lines(func(c *served, _ string) Verdict {
			printTo(c, "%d", c.Lane())
			return Idle
		})}})
	if err != nil {
		t.Fatal(err)
	}
	var lanes []*Lane
	for range 5 {
		lane := listen(t, "127.0.0.1:0", ListenConfig{})
		defer lane.Close()
		lanes = append(lanes, lane)
	}
	if err := e.Start(lanes); err != nil {
		t.Fatal(err)
	}
	for i, lane := range lanes {
		p := dialTo(t, lane.Addr())
		p.send("which\n")
		p.want(strconv.Itoa(i))
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func option(t *testing.T, fd, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Error(err)
	}
	return v
}

// TestCongestion: what is accepted has the listener's control of congestion, and an unknown one is
// an error.
func TestCongestion(t *testing.T) {
	if _, err := Listen("127.0.0.1:0", ListenConfig{Congestion: "carrier pigeon"}); err == nil ||
		!strings.Contains(err.Error(), `TCP_CONGESTION "carrier pigeon"`) {
		t.Fatal(err)
	}
	lane := listen(t, "127.0.0.1:0", ListenConfig{Congestion: "reno"})
	defer lane.Close()
	c, err := net.Dial("tcp", lane.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fd, _, err := unix.Accept(lane.fd)
	for err == unix.EAGAIN {
		fd, _, err = unix.Accept(lane.fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	name, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	if err != nil || strings.TrimRight(name, "\x00") != "reno" {
		t.Errorf("%q %v", name, err)
	}
}

func TestSocketOptions(t *testing.T) {
	lane := listen(t, "127.0.0.1:0", ListenConfig{FastOpen: 77, DeferAccept: 3 * time.Second})
	if got := option(t, lane.fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN); got != 77 {
		t.Errorf("FASTOPEN %d", got)
	}
	if got := option(t, lane.fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT); got < 3 {
		t.Errorf("DEFER_ACCEPT %d", got)
	}
	if option(t, lane.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR) == 0 {
		t.Error("no REUSEADDR")
	}
	info, err := unix.GetsockoptTCPInfo(lane.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		t.Fatal(err)
	}
	most, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		t.Fatal(err)
	}
	// of a listener: its backlog
	if want, _ := strconv.Atoi(strings.TrimSpace(string(most))); int(info.Sacked) != want {
		t.Errorf("backlog %d, want %d", info.Sacked, want)
	}
	flags, err := unix.FcntlInt(uintptr(lane.fd), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
	lane.Close()
	plain := listen(t, "127.0.0.1:0", ListenConfig{})
	defer plain.Close()
	if option(t, plain.fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN) != 0 ||
		option(t, plain.fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT) != 0 {
		t.Error("options that nobody asked for")
	}
}

func TestAcceptedSocketsHaveTheirOptions(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	given, err := FromListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	for name, lane := range map[string]*Lane{
		"ours": listen(t, "127.0.0.1:0", ListenConfig{}), "given": given,
	} {
		r := runOn(t, &script{serve: lines(func(c *served, _ string) Verdict {
			if option(t, c.Fd(), unix.IPPROTO_TCP, unix.TCP_NODELAY) == 0 {
				t.Errorf("%s: no NODELAY", name)
			}
			if n := option(t, c.Fd(), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); n != maxUnsent {
				t.Errorf("%s: %d bytes may be unsent", name, n)
			}
			fl, err := unix.FcntlInt(uintptr(c.Fd()), unix.F_GETFL, 0)
			if err != nil || fl&unix.O_NONBLOCK == 0 {
				t.Errorf("%s: blocking", name)
			}
			fl, err = unix.FcntlInt(uintptr(c.Fd()), unix.F_GETFD, 0)
			if err != nil || fl&unix.FD_CLOEXEC == 0 {
				t.Errorf("%s: not CLOEXEC", name)
			}
			c.Write([]byte("ok\n"))
			return Idle
		})}, Config{}, lane)
		p := r.dial()
		p.send("go\n")
		p.want("ok")
	}
}

// The listener of the user stays the user's.
func TestFromListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lane, err := FromListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	r := runOn(t, &script{}, Config{}, lane)
	talk(t, "tcp", ln.Addr().String())
	r.close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			c.Write([]byte("theirs"))
			c.Close()
		}
	}()
	p := dialTo(t, ln.Addr())
	if got := p.end(); got != "theirs" {
		t.Errorf("%q", got)
	}
	ln.Close()
	if _, err := FromListener(ln); err == nil {
		t.Error("a closed listener was taken")
	}
	_, err = FromListener(struct{ net.Listener }{ln})
	if err == nil || !strings.Contains(err.Error(), "no descriptor") {
		t.Errorf("%v", err)
	}
}

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	r := runOn(t, &script{}, Config{}, listen(t, "unix:"+path, ListenConfig{Mode: 0o620}))
	talk(t, "unix", path)
	if st, err := os.Stat(path); err != nil || st.Mode() != fs.ModeSocket|0o620 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if _, err := Listen("unix:"+path, ListenConfig{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket in use: %v", err)
	}
	talk(t, "unix", path)
	r.close()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestListenUnixReplacesAStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	runOn(t, &script{}, Config{}, listen(t, "unix:"+path, ListenConfig{}))
	talk(t, "unix", path)
}

// A full queue refuses connections with EAGAIN: that socket is in use.
func TestListenUnixKeepsABusySocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	at := &unix.SockaddrUnix{Name: path}
	if err := errors.Join(unix.Bind(fd, at), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for { // until the queue is full
		c, err := net.Dial("unix", path)
		if err != nil {
			break
		}
		defer c.Close()
	}
	if lane, err := Listen("unix:"+path, ListenConfig{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, %v", lane, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestListenUnixKeepsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix:"+path, ListenConfig{}); err == nil {
		t.Error("a file was replaced")
	}
	if b, err := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestListenUnixAbstract(t *testing.T) {
	name := fmt.Sprintf("@golwan-conn-%d", os.Getpid())
	runOn(t, &script{}, Config{}, listen(t, "unix:"+name, ListenConfig{}))
	talk(t, "unix", name)
}

// Socket activation needs descriptors from 3 on and the child's own number in the environment.
func init() {
	children["activation"] = func() {
		os.Setenv("LISTEN_PID", os.Getenv("LISTEN_PID")+strconv.Itoa(os.Getpid()))
		for _, name := range strings.Split(os.Getenv("WANT"), ",") {
			lane, err := Listen("systemd:"+name, ListenConfig{})
			if err != nil {
				fmt.Println(err)
				continue
			}
			e, err := New(Config{Protocol: &script{}, Loops: 1, Poller: testPoller})
			if err == nil {
				err = e.Start([]*Lane{lane})
			}
			fmt.Println(lane.Addr(), err)
		}
		var b [1]byte
		os.Stdin.Read(b[:])
	}
}

func TestSocketActivation(t *testing.T) {
	var files []*os.File
	var addrs []string
	for range 2 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		defer f.Close()
		files, addrs = append(files, f), append(addrs, ln.Addr().String())
	}
	other, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	activate := func(env ...string) string {
		out, err := child(t, "activation", func(cmd *exec.Cmd) {
			cmd.ExtraFiles = append(files, other)
			cmd.Env = append(append(cmd.Env, "LISTEN_FDS=3", "LISTEN_FDNAMES=web:admin:null"),
				env...)
			cmd.Stdin = &asking{t: t, addrs: addrs, skip: len(env) > 1}
		})
		if err != nil {
			t.Error(err)
		}
		return out
	}
	if got, want := activate("WANT=admin,0"), addrs[1]+" <nil>\n"+addrs[0]+" <nil>\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, c := range []struct{ want, set, says string }{
		{"nosuch", "", "handed over no socket"},
		{"3", "", "handed over no socket"},
		{"null", "", "is no listening socket"},
		{"web", "LISTEN_PID=1", "LISTEN_PID is"},
		{"web", "LISTEN_FDS=none", "LISTEN_FDS is"},
		{"web", "LISTEN_FDS=0", "LISTEN_FDS is"},
	} {
		if got := activate("WANT="+c.want, c.set); !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// asking is the standard input of an activated child: it talks to the child's servers, and then
// ends. The sockets are open all the time, so a connection waits until the child accepts.
type asking struct {
	t     *testing.T
	addrs []string
	skip  bool
}

func (a *asking) Read([]byte) (int, error) {
	if !a.skip {
		for _, addr := range a.addrs {
			talk(a.t, "tcp", addr)
		}
	}
	return 0, io.EOF
}
