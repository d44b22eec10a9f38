//go:build linux

package conn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// pattern is n bytes in which no shift goes unnoticed.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

const large = 3<<20 + 17

func patternFile(t *testing.T, n int) *os.File {
	name := filepath.Join(t.TempDir(), "pattern")
	if err := os.WriteFile(name, pattern(n), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// offloaded runs fn on a goroutine, and parks meanwhile.
func offloaded(c *served, fn func()) {
	c.Worker().Offload(func(run func()) bool { go run(); return true }, fn)
}

// beside runs fn in a second worker, and rests meanwhile.
func beside(c *served, fn func(w *loop.Worker)) {
	var b loop.Bell
	b.Arm(c.Worker())
	c.Loop().Run(func(w *loop.Worker) {
		defer b.Ring()
		fn(w)
	})
	c.Worker().Rest()
}

// readBy makes a connection's Read one of worker w.
func readBy(c *served, w *loop.Worker) io.Reader { return workerReader{c, w} }

type workerReader struct {
	c *served
	w *loop.Worker
}

func (r workerReader) Read(p []byte) (int, error) {
	n, err := r.c.Conn.Read(&r.w.Task, p, r.c.ReadTimeout)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// A peer that reads slowly never makes a call fail with EAGAIN, and gets every byte once.
func TestSendersWaitForASlowPeer(t *testing.T) {
	f := patternFile(t, large)
	want := pattern(large)
	half := large / 2
	for name, send := range map[string]func(c *served) (int64, error){
		"Write": func(c *served) (int64, error) { n, err := c.Write(want); return int64(n), err },
		"Writev": func(c *served) (int64, error) {
			n, err := c.Writev(want[:half], want[half:])
			return int64(n), err
		},
		"Writev of a small head": func(c *served) (int64, error) {
			n, err := c.Writev(want[:100], want[100:])
			return int64(n), err
		},
		"Sendfile": func(c *served) (int64, error) { return c.Sendfile(f, 0, large) },
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: func(c *served) Verdict {
				readLine(c)
				narrowSend(c)
				if n, err := send(c); n != large || err != nil {
					t.Errorf("%d bytes, %v", n, err)
				}
				return Close
			}}, Config{})
			p := r.dial()
			p.narrow()
			p.send("go\n")
			if got := p.end(); got != string(want) {
				t.Errorf("%d bytes came, want %d, or they are not the same", len(got), large)
			}
			var parks int64
			r.do(func(set *Set) {
				set.loop.Publish()
				parks = r.eng.Stats().Loops.Parks
			})
			if parks == 0 {
				t.Error("nothing was waited for: the test is too easy")
			}
		})
	}
}

func TestWritevOfEmptyParts(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		c.Writev(nil, []byte("b"))
		c.Writev([]byte("a"), nil)
		c.Writev(nil, nil)
		return Close
	}}, Config{})
	p := r.dial()
	p.send("\n")
	if got := p.end(); got != "ba" {
		t.Errorf("%q", got)
	}
}

func TestSendfileOfAShortFile(t *testing.T) {
	f := patternFile(t, 1000)
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		n, err := c.Sendfile(f, 400, 700)
		printTo(c, "\n%d %v", n, err == io.ErrUnexpectedEOF)
		return Close
	}}, Config{})
	p := r.dial()
	p.send("\n")
	if got, want := p.end(), string(pattern(1000)[400:])+"\n600 true\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestReadWaits(t *testing.T) {
	for _, second := range []bool{false, true} {
		r := run(t, &script{serve: func(c *served) Verdict {
			if second {
				beside(c, func(w *loop.Worker) {
					for lines := bufio.NewScanner(readBy(c, w)); lines.Scan(); {
						printTo(c, "%s", lines.Text())
					}
				})
				return Close
			}
			for line := readLine(c); line != ""; line = readLine(c) {
				printTo(c, "%s", line)
			}
			return Close
		}}, Config{})
		p := r.dial()
		for _, half := range []string{"he", "llo\n", "wor", "ld\nag", "ain\n"} {
			p.send(half)
			if i := strings.IndexByte(half, '\n'); i >= 0 {
				p.line()
			}
		}
		p.closeWrite()
		p.end()
	}
}

// Timeouts are asked to hold at all, and not to be shorter than they are: how much longer is the
// scheduler's.
func TestTimeouts(t *testing.T) {
	const limit = 30 * time.Millisecond
	for _, second := range []bool{false, true} {
		r := run(t, &script{serve: func(c *served) Verdict {
			readLine(c)
			c.ReadTimeout = limit
			read := func(w *loop.Worker) {
				begin := time.Now()
				_, err := readBy(c, w).Read(make([]byte, 1))
				if err != transport.ErrTimeout || time.Since(begin) < limit {
					t.Errorf("second worker %v: Read: %v after %v", second, err, time.Since(begin))
				}
			}
			if second {
				beside(c, read)
			} else {
				read(c.Worker())
			}
			narrowSend(c)
			c.WriteTimeout = limit
			begin := time.Now()
			if n, err := c.Write(make([]byte, 16<<20)); err != transport.ErrTimeout ||
				n == 16<<20 || time.Since(begin) < limit {
				t.Errorf("Write: %v after %v", err, time.Since(begin))
			}
			return Close
		}}, Config{})
		p := r.dial()
		p.narrow()
		p.send("\n")
		eventually(t, "the handler gives up", func() bool {
			s := int64(0)
			r.do(func(set *Set) { s = set.counts.Closed })
			return s == 1
		})
	}
}

// A peer that reads nothing cannot gain time by sending.
func TestSendingDoesNotRenewTheWriteTimeout(t *testing.T) {
	t.Parallel()
	f := patternFile(t, 16<<20)
	for name, send := range map[string]func(c *served) error{
		"Write":    func(c *served) error { _, err := c.Write(make([]byte, 16<<20)); return err },
		"Sendfile": func(c *served) error { _, err := c.Sendfile(f, 0, 16<<20); return err },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			r := runFake(t, &script{serve: func(c *served) Verdict {
				readLine(c)
				narrowSend(c)
				c.WriteTimeout = 300 * time.Millisecond
				ended <- send(c)
				return Close
			}}, Config{})
			p := r.dial()
			p.narrow()
			p.send("\n")
			for sent := 0; ; sent++ {
				select {
				case err := <-ended:
					if err != transport.ErrTimeout {
						t.Errorf("%v", err)
					}
					return
				default:
					if sent == 500 {
						t.Fatal("the write still waits")
					}
					p.Conn.Write([]byte("x"))
					r.advance(20 * time.Millisecond)
				}
			}
		})
	}
}

// The last bytes and the FIN come in one edge, and no other follows.
func TestInvariant2DataAndFinInOneEdge(t *testing.T) {
	r := run(t, &script{}, Config{Loops: 2})
	for range 200 {
		p := r.dial()
		p.send("hello\n")
		p.closeWrite()
		if got := p.end(); got != "hello\n" {
			t.Fatalf("%q", got)
		}
	}
}

// The same when nobody looks at the connection meanwhile: both are there at once for sure.
func TestDataAndFinBeforeTheFirstEdge(t *testing.T) {
	r := run(t, &script{}, Config{})
	p := r.dial()
	r.do(func(*Set) { // the loop cannot poll until this returns
		p.send("hello\n")
		p.closeWrite()
	})
	if got := p.end(); got != "hello\n" {
		t.Errorf("%q", got)
	}
}

// A short read with a FIN behind it must not be taken for an empty socket.
func TestShortReadBeforeFin(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		c.Worker().Sleep(time.Millisecond)
		n, err := c.Read(make([]byte, 1000))
		m, err2 := c.Read(make([]byte, 1000))
		printTo(c, "%d %v %d %v", n, err, m, err2)
		return Close
	}}, Config{})
	p := r.dial()
	r.do(func(*Set) {
		p.send("go\nrest")
		p.closeWrite()
	})
	p.want("4 <nil> 0 <nil>")
}

// A client may close its side once it has asked (RFC 9112 section 9.6 leaves it the answer).
func TestInvariant2HalfClosedPeerIsAnswered(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		if err := c.Worker().Sleep(10 * time.Millisecond); err != nil && err != transport.ErrGone {
			t.Errorf("Sleep: %v", err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("Read: %d, %v", n, err)
		}
		c.Write(pattern(large))
		return Close
	}}, Config{})
	p := r.dial()
	p.send("ask\n")
	p.closeWrite()
	if got := p.end(); got != string(pattern(large)) {
		t.Errorf("%d bytes", len(got))
	}
}

func TestResetWhileParked(t *testing.T) {
	for name, wait := range map[string]func(c *served) error{
		"Read":  func(c *served) error { _, err := c.Read(make([]byte, 1)); return err },
		"Write": func(c *served) error { _, err := c.Write(make([]byte, 64<<20)); return err },
		"Sleep": func(c *served) error { return c.Worker().Sleep(time.Hour) },
		"Wait": func(c *served) error {
			return c.Worker().Wait(func(func()) {}, 0, transport.Cancelled)
		},
		"ReadBy": func(c *served) (err error) {
			beside(c, func(w *loop.Worker) { _, err = readBy(c, w).Read(make([]byte, 1)) })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			r := run(t, &script{
				serve: func(c *served) Verdict {
					readLine(c)
					narrowSend(c)
					c.Write([]byte("ok\n"))
					ended <- wait(c)
					return Close
				},
			}, Config{})
			p := r.dial()
			p.narrow()
			p.send("go\n")
			p.want("ok")
			eventually(t, "the handler waits", func() bool {
				n := 0
				r.do(func(set *Set) { n = int(parked(set)) })
				return n > 0
			})
			p.reset()
			err := <-ended
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) &&
				err != transport.ErrGone {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestPriorityDataCloses(t *testing.T) {
	handlers := map[string]func(c *served) Verdict{
		"idle": func(c *served) Verdict { readLine(c); c.Write([]byte("ok\n")); return Idle },
		"parked": func(c *served) Verdict {
			readLine(c)
			c.Write([]byte("ok\n"))
			if err := c.Worker().Sleep(time.Hour); err != transport.ErrGone {
				t.Errorf("Sleep: %v", err)
			}
			if _, err := c.Write([]byte("more\n")); err != transport.ErrGone {
				t.Errorf("Write: %v", err)
			}
			return Idle // it is closed nevertheless
		},
		"linger": func(c *served) Verdict { readLine(c); c.Write([]byte("ok\n")); return Linger },
	}
	for name, serve := range handlers {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: serve}, Config{})
			p := r.dial()
			p.send("go\n")
			p.want("ok")
			raw, err := p.Conn.(interface {
				SyscallConn() (syscall.RawConn, error)
			}).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			raw.Control(func(fd uintptr) {
				err = unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB, nil)
			})
			if err != nil {
				t.Fatal(err)
			}
			p.gone()
		})
	}
}

func TestPeerAndLocal(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		printTo(c, "%v %v %d", c.Peer(), c.Local(), c.Lane())
		return Idle
	}}, Config{})
	p := r.dial()
	p.send("\n")
	p.want(p.LocalAddr().String() + " " + p.RemoteAddr().String() + " 0")
}

// Sendfile and Writev keep their arguments in the set: nothing of them may be left that keeps the
// caller's bytes.
func TestWritevForgetsItsArguments(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		c.Writev([]byte("a"), []byte("b\n"))
		if c.set.iov != [2]unix.Iovec{} {
			t.Errorf("%+v", c.set.iov)
		}
		return Close
	}}, Config{})
	p := r.dial()
	p.send("\n")
	if got := p.end(); !bytes.Equal([]byte(got), []byte("ab\n")) {
		t.Errorf("%q", got)
	}
}
