//go:build linux

package conn

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestSendfileKeepsItsFile: a handler that has forgotten its file while that was sent sent those
// that had its descriptor next, since the collector closed it.
func TestSendfileKeepsItsFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pattern")
	if err := os.WriteFile(name, pattern(large), 0o600); err != nil {
		t.Fatal(err)
	}
	sends := make(chan bool)
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		narrowSend(c)
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return Close
		}
		close(sends)
		if n, err := c.Sendfile(f, 0, large); n != large || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		return Close
	}}, Config{})
	p := r.dial()
	p.narrow()
	p.send("go\n")
	<-sends
	r.do(func(*Set) {}) // it waits for its peer
	for range 4 {
		runtime.GC()
		other, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
	}
	if got := p.end(); got != string(pattern(large)) {
		t.Errorf("%d bytes came, or they are not the file's", len(got))
	}
}

// rawSends notes which descriptors were sent by raw calls.
type rawSends struct {
	Linux
	raw chan bool
}

func (k rawSends) Sendfile(out, in int, off *int64, n int, cached bool) (int, syscall.Errno) {
	k.raw <- cached
	return k.Linux.Sendfile(out, in, off, n, cached)
}

// TestPageCacheOfAnotherFile: a file that has the descriptor of one that was sent a moment ago is
// not thought to be in memory.
func TestPageCacheOfAnotherFile(t *testing.T) {
	const size = 1000
	files, raw := make(chan *os.File), make(chan bool, 1)
	r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
		if _, err := c.Sendfile(<-files, 0, size); err != nil {
			t.Error(err)
		}
		return Idle
	})}, Config{Kernel: rawSends{raw: raw}})
	p := r.dial()
	send := func(f *os.File) (cached bool) {
		p.send("go\n")
		files <- f
		cached = <-raw
		if _, err := io.CopyN(io.Discard, p.r, size); err != nil {
			t.Fatal(err)
		}
		return cached
	}
	first := patternFile(t, size)
	known := false
	for tries := 0; !known; tries++ { // a busy machine takes long for some
		if known = send(first); tries == 100 {
			t.Fatal("nothing is ever thought to be in memory")
		}
	}
	name := first.Name()
	number := int(first.Fd())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if int(second.Fd()) != number {
		t.Skip("the system has given another descriptor")
	}
	if send(second) {
		t.Error("it was sent by a raw call, which may wait for its disk")
	}
}
