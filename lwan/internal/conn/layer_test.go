//go:build linux

package conn

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// A connection with a Layer does what others do, however its bytes come.
func TestLayerSplitAtEveryByte(t *testing.T) {
	r := runVeiled(t, &script{}, &veils{}, Config{Loops: 2})
	text := "one record, and\nanother one\n"
	whole, _ := (&veil{}).Seal(nil, []byte(text[:16]))
	whole, _ = (&veil{}).Seal(whole, []byte(text[16:]))
	for cut := range len(whole) + 1 {
		p := r.veiledPeer()
		for _, piece := range [][]byte{whole[:cut], whole[cut:]} {
			if _, err := p.raw().Write(piece); err != nil {
				t.Fatal(err)
			}
			r.settle()
		}
		p.want("one record, and", "another one")
		p.Conn.(*veilConn).end()
		if rest := p.end(); rest != "" {
			t.Errorf("cut at %d: %q too much", cut, rest)
		}
	}
}

// What one record has makes one edge only, however slowly it is read.
func TestDecodedBytesMakeNoEdge(t *testing.T) {
	r := runVeiled(t, &script{serve: func(c *served) Verdict {
		var one [1]byte
		n, err := c.TryRead(one[:])
		if err == transport.ErrAgain {
			return Idle
		}
		if err != nil || n == 0 {
			return Close
		}
		c.Write(one[:])
		return Idle // though there may be more
	}}, &veils{}, Config{})
	p := r.veiledPeer()
	p.send("0123456789\n")
	p.want("0123456789")
	p.Conn.(*veilConn).end()
	p.end()
}

// Reading ends properly, or because somebody has cut it off.
func TestTruncationIsToldApart(t *testing.T) {
	ends := make(chan error, 1)
	r := runVeiled(t, &script{serve: lines(func(c *served, _ string) Verdict {
		c.ReadTimeout = patience
		var rest [10]byte
		n, err := c.Read(rest[:])
		if n != 0 {
			t.Errorf("%q", rest[:n])
		}
		if n, again := c.TryRead(rest[:]); n != 0 || again != err {
			t.Errorf("%v, then %d, %v", err, n, again)
		}
		if c.w.Left() != transport.ErrGone {
			t.Error("its handler does not know that the peer has left")
		}
		ends <- err
		return Close
	})}, &veils{}, Config{})
	for _, proper := range []bool{true, false} {
		p := r.veiledPeer()
		p.send("go\n")
		want := transport.ErrGone
		if proper {
			p.Conn.(*veilConn).end()
			want = nil // and TCP's end comes later, or never
		} else {
			p.raw().CloseWrite()
		}
		if err := <-ends; err != want {
			t.Errorf("said goodbye %v: %v", proper, err)
		}
		p.end()
	}
	p := r.veiledPeer() // who breaks the rules has left
	p.send("go\n")
	p.raw().Write([]byte("junk"))
	if err := <-ends; err != transport.ErrGone {
		t.Error(err)
	}
	p.end()
}

// The kernel takes less than was sealed: the rest leaves as there is room, in order, by all ways of
// writing.
func TestUnsentLeavesInOrder(t *testing.T) {
	want := pattern(large)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ways := map[string]func(c *served) error{
		"write":  func(c *served) error { _, err := c.Write(want); return err },
		"more":   func(c *served) error { _, err := c.WriteMore(want); return err },
		"writev": func(c *served) error { _, err := c.Writev(want[:99], want[99:]); return err },
		"file": func(c *served) error {
			if _, err := c.WriteMore(want[:10]); err != nil {
				return err
			}
			_, err := c.Sendfile(file, 10, large-10)
			return err
		},
		"short": func(c *served) error {
			n, err := c.Sendfile(file, 0, large+1)
			if n != large || err != io.ErrUnexpectedEOF {
				t.Errorf("%d, %v", n, err)
			}
			return nil
		},
	}
	r := runVeiled(t, &script{serve: lines(func(c *served, line string) Verdict {
		narrowSend(c)
		if err := ways[line](c); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		return Linger
	})}, &veils{}, Config{})
	for way := range ways {
		p := r.veiledPeer()
		p.narrowVeil()
		p.send(way + "\n")
		if got := p.end(); got != string(want) {
			t.Errorf("%s: %d bytes came, or others than were sent", way, len(got))
		}
		p.raw().Close()
	}
	r.do(func(set *Set) {
		if set.records.used > 1 { // of the last one, which may linger
			t.Errorf("%d records in use", set.records.used)
		}
	})
}

// A session that has written and ends at once has written: as without a Layer.
func TestSessionEndsBehindUnsent(t *testing.T) {
	for _, how := range []transport.Ending{transport.Linger, transport.Close} {
		wrote := make(chan int, 1)
		ses := &endingSession{how: how, wrote: wrote}
		r := runVeiled(t, &script{serve: lines(func(c *served, _ string) Verdict {
			narrowSend(c)
			c.Attach(ses)
			return Hand
		})}, &veils{}, Config{})
		p := r.veiledPeer()
		p.narrowVeil()
		p.send("go\n")
		n := <-wrote
		if n < 2*narrowBuffer {
			t.Fatalf("%d bytes were written", n)
		}
		if got := p.end(); got != string(pattern(n)) {
			t.Errorf("%d bytes of %d came, or others", len(got), n)
		}
	}
}

type endingSession struct {
	over
	how   transport.Ending
	wrote chan int
}

func (e *endingSession) Ready(p transport.Pipe) {
	sent := 0
	for text := pattern(large); ; {
		n, err := p.TryWrite(text[sent:])
		if err != nil {
			break
		}
		sent += n
	}
	p.End(e.how)
	e.wrote <- sent
}

// Who is closed in peace is told so: idle ones at a drain, and at the end of their time. Who has
// got half an answer is told nothing.
func TestGoodbyes(t *testing.T) {
	r := runVeiled(t, &script{serve: lines(func(c *served, line string) Verdict {
		switch line {
		case "idle":
			c.Expire(3)
			printTo(c, "rests")
			return Idle
		case "half":
			printTo(c, "half")
			c.Worker().Sleep(time.Hour)
		case "reset":
			c.ResetOnClose()
		}
		return Close
	})}, &veils{}, Config{})
	expired, drained, silent := r.veiledPeer(), r.veiledPeer(), r.veiledPeer()
	expired.send("idle\n")
	expired.want("rests")
	r.advance(4 * time.Second)
	if rest := expired.end(); rest != "" {
		t.Errorf("%q", rest)
	}
	p := r.veiledPeer()
	p.send("close\n")
	p.end()
	p = r.veiledPeer()
	p.send("reset\n")
	if _, err := io.ReadAll(p.r); err == nil {
		t.Error("a reset looks like a proper end")
	}
	half := r.veiledPeer()
	half.send("half\n")
	half.want("half")
	drained.send("idle\n")
	drained.want("rests")
	r.shaken(6)
	r.eng.Drain(0)
	drained.end()
	silent.send("close\n") // it has just been opened, and may ask once
	silent.end()
	r.eng.Cancel(transport.ErrStopping)
	if _, err := io.ReadAll(half.r); err != io.ErrUnexpectedEOF {
		t.Errorf("half an answer ends with %v", err)
	}
}

// The far side of a Layer that the system does itself is the socket.
func TestLayerOfTheKernel(t *testing.T) {
	r := runVeiled(t, &script{serve: lines(func(c *served, line string) Verdict {
		if c.Layer() == nil || c.TLS().ServerName != "veil" {
			t.Error("no Layer")
		}
		printTo(c, "%s", line)
		return Close
	})}, &veils{kernel: true}, Config{})
	veiled := r.veiledPeer()
	r.shaken(1)
	p := newPeer(t, veiled.raw())
	p.send("clear\n")
	p.want("clear")
	if rest := p.end(); rest != "" {
		t.Errorf("%q", rest)
	}
}

// A connection that is given away goes on where it was.
func TestRelease(t *testing.T) {
	taken := make(chan net.Conn, 1)
	r := runVeiled(t, &script{serve: lines(func(c *served, line string) Verdict {
		first, second := c.TLS(), c.TLS()
		if first != second || first.ServerName != "veil" {
			t.Error("the state is made anew")
		}
		d, err := detach(c)
		if err != nil {
			t.Error(err)
			return Close
		}
		taken <- c.Release(d.Conn)
		if c.Layer() != nil || c.TLS() != nil {
			t.Error("it is still there")
		}
		return Close
	})}, &veils{}, Config{})
	p := r.veiledPeer()
	p.send("take me\n")
	conn := <-taken
	defer conn.Close()
	p.send("more")
	got := make([]byte, 4)
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, []byte("more")) {
		t.Errorf("%q, %v", got, err)
	}
	io.WriteString(conn, "answer\n")
	p.want("answer")
}

// CloseWrite says goodbye behind what is on its way, and reading goes on.
func TestCloseWriteWithALayer(t *testing.T) {
	r := runVeiled(t, &script{serve: lines(func(c *served, _ string) Verdict {
		narrowSend(c)
		for {
			if _, err := c.TryWrite(pattern(1 << 20)); err != nil {
				break
			}
		}
		if err := c.CloseWrite(); err != nil {
			t.Error(err)
		}
		if _, err := c.Write([]byte("x")); err != transport.ErrOver {
			t.Error("behind the end: ", err)
		}
		if line := readLine(c); line != "heard" {
			t.Errorf("%q", line)
		}
		return Close
	})}, &veils{}, Config{})
	p := r.veiledPeer()
	p.narrowVeil()
	p.send("go\n")
	if got := len(p.end()); got < narrowBuffer {
		t.Errorf("%d bytes came", got)
	}
	raw := make([]byte, 1)
	if n, err := p.raw().Read(raw); n != 0 || err != io.EOF {
		t.Errorf("behind the end: %d, %v", n, err)
	}
	p.send("heard\n")
	eventually(t, "it is closed", func() bool { return r.eng.conns() == 0 })
}

// Records begin small again behind a second in which nothing was sent.
func TestLayerRests(t *testing.T) {
	rests := make(chan int, 1)
	r := runVeiled(t, &script{serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s", line)
		rests <- c.Layer().(*veil).rests
		c.Expire(0)
		return Idle
	})}, &veils{}, Config{})
	p := r.veiledPeer()
	for _, tt := range []struct {
		pass time.Duration
		want int
	}{{0, 0}, {time.Second, 0}, {2 * time.Second, 1}, {0, 1}, {time.Minute, 2}} {
		r.forward(tt.pass)
		p.send("x\n")
		p.want("x")
		if got := <-rests; got != tt.want {
			t.Errorf("after %v: it has rested %d times, want %d", tt.pass, got, tt.want)
		}
	}
}

func TestDescriptorsOfASecureLane(t *testing.T) {
	r := runVeiled(t, &script{}, &veils{}, Config{})
	p := r.veiledPeer()
	p.send("there\n")
	p.want("there")
	r.do(func(set *Set) {
		if n := set.giveUpIdle(); n != 1 {
			t.Errorf("%d given up, want the idle one", n)
		}
	})
	p.end()
	fresh, err := dialRaw(r.lane.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	r.accepted(2)
	half := r.dialAll(1, "HEL")[0]
	r.accepted(3)
	set := r.eng.sets[0]
	eventually(t, "the half has been read", func() bool {
		read := make(chan bool)
		set.loop.Post(func() { read <- set.records.used > 0 })
		return <-read
	})
	r.do(func(set *Set) {
		if n := set.giveUpIdle(); n != 0 {
			t.Error("one was given up that has had no time to say something")
		}
	})
	r.advance(3 * time.Second)
	for _, c := range []net.Conn{fresh, half} { // the silent one first
		r.do(func(set *Set) {
			if n := set.giveUpIdle(); n != 1 {
				t.Errorf("%d given up, want one", n)
			}
		})
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
	}
}
