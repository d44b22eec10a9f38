//go:build linux

package conn

import (
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
)

const (
	announcement = "PROXY TCP4 192.0.2.7 198.51.100.1 7 80\r\n"
	announced2   = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" +
		"\xc0\x00\x02\x07\xc6\x33\x64\x01\x00\x07\x00\x50"
)

// runAnnounced starts an engine, on a clock of the test's, whose clients speak for others: for 5
// seconds. by is nil where nothing is encrypted.
func runAnnounced(t testing.TB, p Protocol, by Security, cfg Config) *rig {
	t.Helper()
	lane, err := Listen("127.0.0.1:0", ListenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if by != nil {
		lane.Secure(by, 5*time.Second)
	}
	lane.Announced(func(peer netip.Addr) bool { return peer.IsLoopback() }, 5*time.Second)
	clock := &fakeClock{}
	cfg.Clock, cfg.FirstByte = clock, 20*time.Second
	r := runOn(t, p, cfg, lane)
	r.clock = clock
	return r
}

// tellPeer answers each line with the peer's address.
func tellPeer() *script {
	return &script{serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s %v", line, c.Peer())
		return Idle
	})}
}

// The header is the same in whatever pieces it comes, and nothing that follows it is lost.
func TestAnnouncedInPieces(t *testing.T) {
	plain := runAnnounced(t, tellPeer(), nil, Config{Loops: 2})
	veiled := runAnnounced(t, tellPeer(), &veils{}, Config{Loops: 2})
	text, _ := (&veil{}).Seal(nil, []byte("with it\n"))
	for _, header := range []string{announcement, announced2} {
		for _, tt := range []struct {
			r      *rig
			behind string
		}{{plain, "with it\n"}, {veiled, veilHello + "me." + string(text)}} {
			whole := header + tt.behind
			for cut := range len(whole) {
				c := tt.r.dialAll(1, whole[:cut])[0]
				tt.r.settle()
				if _, err := io.WriteString(c, whole[cut:]); err != nil {
					t.Fatal(err)
				}
				if tt.r == veiled {
					who := make([]byte, 4)
					if _, err := io.ReadFull(c, who); err != nil {
						t.Fatalf("cut at %d: %v", cut, err)
					}
					c = &veilConn{Conn: c, v: &veil{}}
				}
				newPeer(t, c).want("with it 192.0.2.7:7")
				c.Close()
			}
		}
	}
}

// What comes behind the header, and not with it, is the first that is read: whoever serves the
// connection is not called before it is there.
func TestAnnouncedAlone(t *testing.T) {
	why := make(chan Why, 10)
	p := &observed{script: tellPeer(), why: why}
	r := runAnnounced(t, p, nil, Config{})
	c := newPeer(t, r.dialAll(1, announcement)[0])
	eventually(t, "it has been read", func() bool {
		state := make(chan slotState, 1)
		set := r.eng.sets[0]
		set.loop.Post(func() {
			for fd := range set.owned.all() {
				state <- set.slots[fd].state
				return
			}
			state <- slotFree
		})
		return <-state == slotFresh
	})
	if n := len(why); n != 0 {
		t.Errorf("served %d times before anything came", n)
	}
	c.send("first\n")
	c.want("first 192.0.2.7:7")
	c.send("second\n")
	c.want("second 192.0.2.7:7")
	if one, two := <-why, <-why; one != First || two != Readable {
		t.Errorf("served for %v, then %v", one, two)
	}
}

// observed tells why it serves.
type observed struct {
	*script
	why chan Why
}

func (p *observed) Serve(w *loop.Worker, c Conn, why Why) Verdict {
	p.why <- why
	return p.script.Serve(w, c, why)
}

// A connection of which no header tells, or only half of one, is closed in time, which runs from
// the beginning whatever it says, and without an answer.
func TestLateAnnouncement(t *testing.T) {
	for name, by := range map[string]Security{"plain": nil, "veiled": &veils{}} {
		t.Run(name, func(t *testing.T) {
			r := runAnnounced(t, tellPeer(), by, Config{})
			silent, half := r.dialAll(1, "")[0], r.dialAll(1, announcement[:5])[0]
			r.accepted(2)
			r.settle()
			r.advance(4 * time.Second)
			if _, err := io.WriteString(half, announcement[5:8]); err != nil {
				t.Fatal("it is closed too early: ", err)
			}
			if s := r.eng.Stats(); s.Loops.Parked != 0 || s.Busy != 0 || s.Shaking != 0 {
				t.Errorf("%+v", s)
			}
			r.advance(2 * time.Second)
			for _, c := range []net.Conn{silent, half} {
				if b, _ := io.ReadAll(c); len(b) > 0 {
					t.Errorf("%q", b)
				}
			}
			r.do(func(set *Set) {
				if c := set.counts; c.Expired != 2 || c.HandshakesFailed != 0 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// Behind the header the times are those of any connection: that of a first byte begins anew, and
// that of a handshake does not.
func TestTimesBehindAnnouncement(t *testing.T) {
	plain := runAnnounced(t, tellPeer(), nil, Config{})
	veiled := runAnnounced(t, tellPeer(), &veils{}, Config{})
	a, b := plain.dialAll(1, "")[0], veiled.dialAll(1, "")[0]
	plain.accepted(1)
	veiled.accepted(1)
	plain.advance(4 * time.Second)
	veiled.advance(4 * time.Second)
	for _, c := range []net.Conn{a, b} {
		if _, err := io.WriteString(c, announcement); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both have been read", func() bool {
		plain.settle()
		veiled.settle()
		return plain.eng.Stats().BytesIn > 0 && veiled.eng.Stats().BytesIn > 0
	})
	plain.advance(19 * time.Second)
	p := newPeer(t, a)
	p.send("still here\n")
	p.want("still here 192.0.2.7:7")
	veiled.advance(2 * time.Second)
	if got, _ := io.ReadAll(b); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// Whoever begins with something else is closed without a word, and that is logged; but not of one
// that says nothing at all.
func TestUnannounced(t *testing.T) {
	for name, by := range map[string]Security{"plain": nil, "veiled": &veils{}} {
		t.Run(name, func(t *testing.T) {
			r := runAnnounced(t, tellPeer(), by, Config{})
			nothing := newPeer(t, r.dialAll(1, "")[0])
			nothing.closeWrite()
			nothing.gone()
			r.settle()
			if text := r.log.String(); text != "" {
				t.Errorf("logged: %s", text)
			}
			for _, say := range []string{
				"hello\n", veilHello, "PROXY TCP4 192.0.2.7\r\n", announced2[:12] + "\x31",
			} {
				p := newPeer(t, r.dialAll(1, say)[0])
				if b, _ := io.ReadAll(p.Conn); len(b) > 0 {
					t.Errorf("%q: %q", say, b)
				}
			}
			cut := newPeer(t, r.dialAll(1, announcement[:9])[0])
			cut.closeWrite()
			cut.gone()
			const want = "closed for want of a PROXY protocol header"
			eventually(t, "it is logged", func() bool {
				return strings.Contains(r.log.String(), want)
			})
		})
	}
}

// Who is announced is counted, and not who announces.
func TestAnnouncedPerAddr(t *testing.T) {
	for name, by := range map[string]Security{"plain": nil, "veiled": &veils{}} {
		t.Run(name, func(t *testing.T) {
			p := tellPeer()
			p.refuse = func(fd int) { _, _ = Linux{}.Write(fd, []byte("refused\n")) }
			r := runAnnounced(t, p, by, Config{PerAddr: 2})
			const other = "PROXY TCP4 192.0.2.8 198.51.100.1 7 80\r\n"
			text := "here\n"
			if by != nil {
				sealed, _ := (&veil{}).Seal(nil, []byte(text))
				text = veilHello + "me." + string(sealed)
			}
			var first net.Conn
			for i, header := range []string{
				announcement, announcement, other, "PROXY UNKNOWN\r\n",
			} {
				c := r.dialAll(1, header+text)[0]
				if i == 0 {
					first = c
				}
				if _, err := io.ReadFull(c, make([]byte, 4)); err != nil { // who, or the answer
					t.Fatal(header, err)
				}
			}
			got, _ := io.ReadAll(r.dialAll(1, announcement+text)[0])
			if want := map[string]string{"plain": "refused\n"}[name]; string(got) != want {
				t.Errorf("one too many: %q", got)
			}
			r.do(func(set *Set) {
				if set.counts.Rejected != 1 {
					t.Errorf("%+v", set.counts)
				}
			})
			first.Close()
			eventually(t, "there is a place again", func() bool {
				c, err := dialRaw(r.lane.Addr())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := io.WriteString(c, announcement+text); err != nil {
					return false
				}
				got := make([]byte, 4)
				_, err = io.ReadFull(c, got)
				return err == nil && string(got) != "refu"
			})
		})
	}
}

// Those that have said nothing, or half a header, are given up for others after a second.
func TestGivenUpBeforeAnnouncement(t *testing.T) {
	r := runAnnounced(t, tellPeer(), nil, Config{})
	silent, half := r.dialAll(1, "")[0], r.dialAll(1, announcement[:5])[0]
	r.accepted(2)
	r.settle()
	give := func() (n int) {
		r.do(func(set *Set) { n = set.giveUpIdle() })
		return n
	}
	if n := give(); n != 0 {
		t.Errorf("%d are given up at once", n)
	}
	r.advance(2 * time.Second)
	if n := give(); n != 1 {
		t.Errorf("%d that are silent are given up", n)
	}
	newPeer(t, silent).gone()
	if n := give(); n != 1 {
		t.Errorf("%d that have said half a header are given up", n)
	}
	newPeer(t, half).gone()
}
