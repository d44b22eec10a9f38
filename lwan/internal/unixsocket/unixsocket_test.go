package unixsocket

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Lstat(path)
	if err != nil || runtime.GOOS != "windows" && st.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", st, err)
	}
	if _, err := Listen(path, 0); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a socket that is in use: %v", err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	ln, err = Listen(path, 0) // which its owner has left behind
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

// TestListenKeepsWhatIsThere: a file that is no socket is not ours to replace.
func TestListenKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ln, err := Listen(path, 0); err == nil {
		ln.Close()
		t.Error("no error")
	}
	if text, err := os.ReadFile(path); string(text) != "kept" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestListenBusy: a server whose queue is full is in use.
func TestListenBusy(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a full queue cannot be told from nobody")
	}
	path := filepath.Join(t.TempDir(), "s")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	full := false
	for range 10 {
		c, err := net.Dial("unix", path)
		if err != nil {
			full = true
			break
		}
		defer c.Close()
	}
	if _, err := Listen(path, 0); !full || !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("full: %v, %v", full, err)
	}
}
