//go:build linux

package conn

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnsentOfFastPeers: who has taken a part of a large file may be owed more than others; a bound
// that somebody else has chosen stays.
func TestUnsentOfFastPeers(t *testing.T) {
	const size, chosen = 8 << 20, 10_000
	f := patternFile(t, size)
	for before, want := range map[int]int{maxUnsent: fastUnsent, chosen: chosen} {
		got := make(chan int, 1)
		r := run(t, &script{serve: func(c *served) Verdict {
			readLine(c)
			if err := unix.SetsockoptInt(c.Fd(), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT,
				before); err != nil {
				t.Error(err)
			}
			if _, err := c.Sendfile(f, 0, size); err != nil {
				t.Error(err)
			}
			got <- option(t, c.Fd(), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
			return Close
		}}, Config{})
		p := r.dial()
		p.send("go\n")
		if n := len(p.end()); n != size {
			t.Errorf("%d bytes came", n)
		}
		if n := <-got; n != want {
			t.Errorf("%d has become %d, want %d", before, n, want)
		}
	}
}
