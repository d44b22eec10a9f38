//go:build linux

package conn

import (
	"context"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel took a megabyte and more for each peer that reads nothing, cut into segments of some
// hundred bytes: the first writes to a crowd of such peers held their loop up for seconds.
func TestPeersThatDoNotReadTakeLittle(t *testing.T) {
	const size = 4 << 20
	f := patternFile(t, size)
	body := pattern(size)
	for name, send := range map[string]func(c *served) (int64, error){
		"Write": func(c *served) (int64, error) {
			n, err := c.Write(body)
			return int64(n), err
		},
		"Writev": func(c *served) (int64, error) {
			n, err := c.Writev(body[:100], body[100:])
			return int64(n), err
		},
		"Sendfile": func(c *served) (int64, error) { return c.Sendfile(f, 0, size) },
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: func(c *served) Verdict {
				readLine(c)
				if n, err := send(c); err == nil {
					t.Errorf("all %d bytes were taken", n)
				}
				return Close
			}}, Config{})
			p := r.dialNarrow()
			p.send("go\n")
			var taken int64
			eventually(t, "the sender waits", func() (waits bool) {
				r.do(func(set *Set) {
					waits, taken = parked(set) > 0 && set.loop.Queued() == 0, set.counts.BytesOut
				})
				return waits
			})
			if most := int64(maxUnsent + maxTransfer); taken > most || taken == 0 {
				t.Errorf("%d bytes were taken for a peer that reads nothing, more than %d",
					taken, most)
			}
			p.reset()
		})
	}
}

// dialNarrow connects with a receive buffer that is as small as it can be from the beginning: it
// decides about the window that is announced.
func (r *rig) dialNarrow() *peer {
	r.t.Helper()
	d := net.Dialer{Timeout: patience, Control: func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	c, err := d.Dial("tcp", r.lane.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	return newPeer(r.t, c)
}

func TestBoundOfUnsentBytesIsTheCallersToChoose(t *testing.T) {
	const chosen = 1 << 20
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, chosen)
		})
		if failed != nil {
			return failed
		}
		return err
	}}
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	lane, err := FromListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	defer lane.Close()
	if got := option(t, lane.fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); got != chosen {
		t.Errorf("%d bytes, not %d", got, chosen)
	}
}
