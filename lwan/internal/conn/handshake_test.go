//go:build linux

package conn

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// dialAll opens connections, and says something on each.
func (r *rig) dialAll(n int, say string) (all []net.Conn) {
	r.t.Helper()
	for range n {
		c, err := dialRaw(r.lane.Addr())
		if err != nil {
			r.t.Fatal(err)
		}
		r.t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, say); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// A connection that has said half of what a handshake begins with is bytes: no worker waits for it.
// Its time runs from the beginning, whatever it says.
func TestHalfAHello(t *testing.T) {
	r := runVeiled(t, &script{}, &veils{}, Config{})
	const n = 200
	all := r.dialAll(n, "")
	r.accepted(n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, c := range all {
		if _, err := io.WriteString(c, "HEL"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all have been read", func() bool {
		held := make(chan int)
		set := r.eng.sets[0]
		set.loop.Post(func() {
			set.loop.Publish()
			held <- set.shaking
		})
		return <-held == n
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := int64(after.HeapAlloc-before.HeapAlloc) / n; each > 512 {
		t.Errorf("half a hello takes %d bytes", each)
	}
	if s := r.eng.Stats(); s.Loops.Parked != 0 || s.Busy != 0 || s.Shaking != n {
		t.Errorf("%+v", s)
	}
	r.advance(4 * time.Second)
	for _, c := range all {
		if _, err := io.WriteString(c, "L"); err != nil {
			t.Fatal("it is closed too early: ", err)
		}
	}
	r.advance(2 * time.Second)
	for _, c := range all {
		if b, err := io.ReadAll(c); len(b) > 0 || err != nil && !errors.Is(err, io.EOF) &&
			!strings.Contains(err.Error(), "reset") {
			t.Fatalf("%q, %v", b, err)
		}
	}
	r.do(func(set *Set) {
		if c := set.counts; c.HandshakesFailed != n || set.shaking != 0 || c.Expired != n {
			t.Errorf("%+v, %d shaking", c, set.shaking)
		}
	})
}

// The hello is the same in whatever pieces it comes, and what follows it at once is not lost.
func TestHelloInPieces(t *testing.T) {
	r := runVeiled(t, &script{}, &veils{}, Config{Loops: 2})
	text, _ := (&veil{}).Seal(nil, []byte("with it\n"))
	whole := veilHello + "me." + string(text)
	for cut := range len(whole) {
		c := r.dialAll(1, whole[:cut])[0]
		r.settle()
		if _, err := io.WriteString(c, whole[cut:]); err != nil {
			t.Fatal(err)
		}
		who := make([]byte, 4)
		if _, err := io.ReadFull(c, who); err != nil {
			t.Fatal(err)
		}
		newPeer(t, &veilConn{Conn: c, v: &veil{}}).want("with it")
	}
}

// Whoever does not begin with a handshake is told, or not.
func TestPlainOnASecureLane(t *testing.T) {
	r := runVeiled(t, &script{}, &veils{}, Config{})
	for say, want := range map[string]string{"GET / HTTP/1.1\r\n\r\n": "not here\n", "junk": ""} {
		got, err := io.ReadAll(r.dialAll(1, say)[0])
		if string(got) != want || err != nil && want != "" {
			t.Errorf("%q: %q, %v", say, got, err)
		}
	}
	eventually(t, "both have failed", func() bool {
		return r.eng.Stats().HandshakesFailed == 2 && r.eng.Stats().Shaking == 0
	})
}

// One handshake is begun in a turn of a loop, and so many go on at a time as may. The end of one,
// on whatever loop, lets the next one begin.
func TestHandshakesWait(t *testing.T) {
	const most, n = 2, 12
	began := make(chan *Handshake, n)
	r := runVeiled(t, &script{}, &veils{began: began}, Config{Loops: 2, Handshakes: most})
	all := r.dialAll(n, veilHello)
	for round := range n/most - 1 {
		for range most {
			<-began
		}
		r.settle()
		r.settle()
		if len(began) != 0 {
			t.Fatalf("round %d: more have begun than may", round)
		}
		done := 0
		for i := 0; i < len(all) && done < most; i++ {
			if r.answered(all[i]) {
				if _, err := io.WriteString(all[i], "me."); err != nil {
					t.Fatal(err)
				}
				all = append(all[:i], all[i+1:]...)
				done, i = done+1, -1
			}
		}
	}
	r.shaken(n - most)
	for range most {
		<-began
	}
	r.advance(6 * time.Second) // those in the middle have no more time either
	eventually(t, "the last ones have ended", func() bool {
		return r.eng.Stats().HandshakesFailed == most && r.eng.handshakes.Load() == 0
	})
}

// answered waits for a moment for the server's part of the handshake.
func (r *rig) answered(c net.Conn) bool {
	who := make([]byte, 4)
	c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err := io.ReadFull(c, who)
	return err == nil
}

// What goes wrong in a handshake ends its connection, and leaves nothing behind.
func TestHandshakesFail(t *testing.T) {
	var calls atomic.Int64
	by := &veils{shakes: func(over *Handshake) error {
		var err error
		switch calls.Add(1) {
		case 1:
			panic("in the middle")
		case 2:
			err = over.Offload(func() { calls.Add(100) })
			if calls.Load() != 102 {
				t.Error("it has not waited")
			}
			if _, foreign := readElsewhere(over); foreign != transport.ErrForeign {
				t.Error("somebody else may read: ", foreign)
			}
		}
		return err
	}}
	r := runVeiled(t, &script{}, by, Config{})
	panics := r.dialAll(1, veilHello)[0]
	if _, err := io.ReadAll(panics); err != nil {
		t.Error(err)
	}
	wrong := r.dialAll(1, veilHello)[0]
	if got := make([]byte, 4); !ok(io.ReadFull(wrong, got)) {
		t.Fatal("no answer")
	}
	io.WriteString(wrong, "you")
	if alert, err := io.ReadAll(wrong); string(alert) != "NO" || err != nil {
		t.Errorf("%q, %v", alert, err)
	}
	leaves := r.dialAll(1, veilHello)[0]
	if got := make([]byte, 4); !ok(io.ReadFull(leaves, got)) {
		t.Fatal("no answer")
	}
	leaves.Close()
	eventually(t, "all have failed", func() bool {
		s := r.eng.Stats()
		return s.HandshakesFailed == 3 && s.Handshakes == 0 && s.Shaking == 0 && s.Busy == 0
	})
	if n := strings.Count(r.log.String(), "panic in a handshake"); n != 1 {
		t.Errorf("%d panics are logged", n)
	}
}

func readElsewhere(c net.Conn) (n int, err error) {
	done := make(chan bool)
	go func() {
		n, err = c.Read(make([]byte, 1))
		close(done)
	}()
	<-done
	return n, err
}

func ok(_ int, err error) bool { return err == nil }

// Who goes on is chosen behind the handshake.
func TestChosen(t *testing.T) {
	var ready, nobody atomic.Int64
	by := &veils{chosen: func(c Conn) Verdict {
		if nobody.Add(1) == 1 {
			return Linger
		}
		c.Attach(&countingSession{ready: &ready})
		return Hand
	}}
	r := runVeiled(t, &script{}, by, Config{})
	if rest := r.veiledPeer().end(); rest != "" {
		t.Errorf("%q", rest)
	}
	p := r.veiledPeer()
	eventually(t, "the session has its turn", func() bool { return ready.Load() > 0 })
	r.do(func(set *Set) {
		if set.busy != 0 || set.shaking != 0 || parked(set) != 0 {
			t.Errorf("%d busy, %d shaking, %d parked", set.busy, set.shaking, parked(set))
		}
	})
	p.Conn.Close()
}

// A handshake that is under way when draining begins may end, and one request is answered.
func TestDrainInAHandshake(t *testing.T) {
	began := make(chan *Handshake, 1)
	r := runVeiled(t, &script{serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s", line)
		return Close
	})}, &veils{began: began}, Config{})
	c := r.dialAll(1, veilHello)[0]
	<-began
	r.eng.Drain(0)
	r.settle()
	if got := make([]byte, 4); !ok(io.ReadFull(c, got)) {
		t.Fatal("no answer")
	}
	io.WriteString(c, "me.")
	p := newPeer(t, &veilConn{Conn: c, v: &veil{}})
	p.send("once\n")
	p.want("once")
	p.end()
}
