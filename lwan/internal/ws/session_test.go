package ws

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// world is a loop, a Pipe on it with a client at its other end, and the Owner of a Session: all of
// it runs in the test's goroutine.
type world struct {
	t       *testing.T
	s       Session
	letters []func()
	now     int64
	scratch [1 << 10]byte

	in     []byte // sent by the client, and not read
	eof    bool
	out    []byte // read by the client
	room   int    // what the kernel still takes
	again  bool
	expire uint32
	ended  []transport.Ending

	got     []string // messages, and what else the owner was told
	resumes bool     // the owner is done with a message at once
}

var (
	_ transport.Pipe = (*world)(nil)
	_ transport.Loop = (*world)(nil)
	_ Owner          = (*world)(nil)
)

func (w *world) TryRead(p []byte) (int, error) {
	if len(w.in) == 0 {
		if w.eof {
			return 0, io.EOF
		}
		return 0, transport.ErrAgain
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *world) TryWrite(p []byte) (int, error) {
	if len(w.ended) > 0 {
		w.t.Error("written after the end")
	}
	n := min(len(p), w.room)
	w.out = append(w.out, p[:n]...)
	w.room -= n
	if n < len(p) {
		return n, transport.ErrAgain
	}
	return n, nil
}

func (w *world) Attach(transport.Session)   {}
func (w *world) Again()                     { w.again = true }
func (w *world) Expire(seconds uint32)      { w.expire = seconds }
func (w *world) End(how transport.Ending)   { w.ended = append(w.ended, how) }
func (w *world) Loop() transport.Loop       { return w }
func (w *world) Post(fn func())             { w.letters = append(w.letters, fn) }
func (w *world) Go(func(transport.Task))    { w.t.Error("a job was begun") }
func (w *world) After(int64, func()) func() { return nil }
func (w *world) Scratch() []byte            { return w.scratch[:] }
func (w *world) Now() int64                 { return w.now }
func (w *world) Number() int                { return 0 }
func (w *world) Counts() *transport.Counts  { return nil }

func (w *world) Message(op wsframe.Opcode, payload []byte) {
	w.got = append(w.got, fmt.Sprintf("%d:%s", op, payload))
	if w.resumes {
		w.s.Resume()
	}
}

func (w *world) Gone() bool { return w.eof }
func (w *world) Left()      { w.got = append(w.got, "left") }
func (w *world) Room()      {}
func (w *world) Draining()  { w.got = append(w.got, "draining") }

func (w *world) Over(cause error) {
	if c, ok := errors.AsType[*Closed](cause); ok {
		w.got = append(w.got, fmt.Sprintf("over %d %s", c.Code, c.Reason))
		return
	}
	w.got = append(w.got, "over "+cause.Error())
}

// over reports whether the owner was told of the end.
func (w *world) over() bool { return w.s.state == over }

// turn lets the loop do what there is to be done.
func (w *world) turn() {
	for n := 0; ; n++ {
		if n > 1e6 {
			w.t.Fatal("the loop spins")
		}
		switch {
		case len(w.letters) > 0:
			fn := w.letters[0]
			w.letters = w.letters[1:]
			fn()
		case w.again && !w.over():
			w.again = false
			w.s.Ready(w)
		default:
			return
		}
		for i := range w.scratch { // nobody may have a view of it
			w.scratch[i] = 0xee
		}
	}
}

func (w *world) send(b []byte) {
	w.in = append(w.in, b...)
	w.again = true
	w.turn()
}

// pass lets seconds pass.
func (w *world) pass(seconds int) {
	for range seconds {
		w.now += second
		if w.expire > 0 && !w.over() {
			if w.expire--; w.expire == 0 {
				w.s.Expired(w)
				w.turn()
			}
		}
	}
}

var testConfig = Config{
	MaxMessage: 1 << 20, Backlog: 1000, Ping: 30, CloseTimeout: 2, Write: 60,
}

func begin(t *testing.T, cfg *Config, deflate *wsframe.Deflate, rest string) *world {
	w := &world{t: t, now: second, room: 1 << 20, resumes: true}
	w.s.Init(w, *cfg, w, deflate, []byte(rest))
	w.s.Resume()
	w.turn()
	return w
}

var key = [4]byte{1, 2, 3, 4}

func masked(op wsframe.Opcode, payload string) []byte {
	return wsframe.AppendMasked(nil, op, key, []byte(payload))
}

func closeFrame(code int, reason string) []byte {
	return wsframe.AppendMasked(nil, wsframe.Close, key, wsframe.AppendClose(nil, code, reason))
}

func fragment(op wsframe.Opcode, fin bool, payload string) []byte {
	h := wsframe.Head{Fin: fin, Op: op, Masked: true, Key: key, Length: int64(len(payload))}
	b := wsframe.AppendHead(nil, h)
	n := len(b)
	b = append(b, payload...)
	wsframe.Mask(b[n:], key, 0)
	return b
}

func joined(parts ...[]byte) []byte { return slices.Concat(parts...) }

// frames are those that the client got, in words.
func (w *world) frames() (list []string) {
	r := wsframe.Reader{FromServer: true}
	for b := slices.Clone(w.out); ; {
		m, n, err := r.Next(b)
		b = b[n:]
		switch {
		case err != nil:
			w.t.Fatalf("the client got nonsense: %v", err)
		case m.Op == wsframe.Close:
			code, reason, _ := wsframe.ParseClose(m.Payload)
			list = append(list, fmt.Sprintf("close %d %s", code, reason))
			if len(b) > 0 {
				w.t.Errorf("%d bytes behind a close frame", len(b))
			}
			return list
		case m.Op == 0:
			return list
		default:
			list = append(list, fmt.Sprintf("%d:%s", m.Op, m.Payload))
		}
	}
}

// TestCut: however the bytes of a client are cut, the owner and the client get the same.
func TestCut(t *testing.T) {
	long := strings.Repeat("x", 3000) // longer than the scratch buffer
	for _, c := range []struct {
		name     string
		in       []byte
		got, out []string
	}{
		{"messages", joined(masked(wsframe.Text, "a"), masked(wsframe.Binary, ""),
			masked(wsframe.Text, long)), []string{"1:a", "2:", "1:" + long}, nil},
		{"ping between", joined(fragment(wsframe.Text, false, "a"), masked(wsframe.Ping, "p"),
			fragment(wsframe.Continuation, true, "b")), []string{"1:ab"}, []string{"10:p"}},
		{"pongs", joined(masked(wsframe.Pong, "?"), masked(wsframe.Text, "a")),
			[]string{"1:a"}, nil},
		{"close", joined(masked(wsframe.Text, "a"), closeFrame(1000, "bye"),
			masked(wsframe.Text, "late")), []string{"1:a", "over 1000 bye"},
			[]string{"close 1000 "}},
		{"close without a code", masked(wsframe.Close, ""), []string{"over 1005 "},
			[]string{"close 1005 "}},
		{"unmasked", joined(masked(wsframe.Text, "a"), wsframe.AppendFrame(nil, wsframe.Text,
			[]byte("b"))), []string{"1:a", "over 1002 frame without a mask"},
			[]string{"close 1002 frame without a mask"}},
		{"no text", masked(wsframe.Text, "\xff"), []string{"over 1007 text is not UTF-8"},
			[]string{"close 1007 text is not UTF-8"}},
		{"compressed, not agreed on", []byte{0xc1, 0x80, 0, 0, 0, 0},
			[]string{"over 1002 reserved bit"}, []string{"close 1002 reserved bit"}},
		{"too big", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
			[]string{"over 1009 message is too big"}, []string{"close 1009 message is too big"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for cut := 0; cut <= min(len(c.in), 60); cut++ {
				for _, how := range []string{"rest", "two", "single"} {
					w := begin(t, &testConfig, nil, "")
					switch how {
					case "rest": // the first part came with the handshake
						w = begin(t, &testConfig, nil, string(c.in[:cut]))
						w.send(c.in[cut:])
					case "two":
						w.send(c.in[:cut])
						w.send(c.in[cut:])
					default:
						for i := range c.in {
							if w.over() {
								break
							}
							w.send(c.in[i : i+1])
						}
					}
					if !slices.Equal(w.got, c.got) || !slices.Equal(w.frames(), c.out) {
						t.Fatalf("%s at %d: %q, and the client got %q", how, cut, w.got, w.frames())
					}
					if over := strings.HasPrefix(c.got[len(c.got)-1], "over"); over !=
						slices.Equal(w.ended, []transport.Ending{transport.Linger}) {
						t.Fatalf("%s at %d: ended %v", how, cut, w.ended)
					}
				}
			}
		})
	}
}

// TestIdle: between two messages nothing is kept.
func TestIdle(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	for _, b := range [][]byte{masked(wsframe.Text, "hello"), masked(wsframe.Ping, ""),
		joined(fragment(wsframe.Text, false, "a"), fragment(wsframe.Continuation, true, "b"))} {
		w.send(b)
		if w.s.in != nil || w.s.part != nil || w.s.out != nil || w.s.Owed() != 0 {
			t.Errorf("%+v", &w.s)
		}
	}
}

// TestPaused: as long as the owner has a message nothing is read, and what has come stays in order.
func TestPaused(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.resumes = false
	var in []byte
	for i := range 500 {
		in = append(in, masked(wsframe.Text, fmt.Sprint(i))...)
	}
	w.send(in)
	for i := range 500 {
		if n := len(w.got); n != i+1 || w.got[i] != fmt.Sprintf("1:%d", i) {
			t.Fatalf("%d messages after %d: %q", n, i, w.got[n-1])
		}
		w.s.Resume()
		w.turn()
	}
	w.send(masked(wsframe.Text, "last"))
	if w.got[len(w.got)-1] != "1:last" {
		t.Errorf("%q", w.got[len(w.got)-1])
	}
}

// TestPush: what is pushed leaves in order and whole, however slow the client is; a client that
// owes too much is told of, and the message not taken.
func TestPush(t *testing.T) {
	for step := 1; step < 40; step++ {
		w := begin(t, &testConfig, nil, "")
		w.room = 0
		var want []string
		full := 0
		for i := range 100 {
			msg := strings.Repeat(string(rune('a'+i%26)), i)
			switch err := w.s.Push(wsframe.Text, []byte(msg)); err {
			case nil:
				want = append(want, "1:"+msg)
			case ErrFull:
				if full++; w.s.Owed() == 0 {
					t.Fatal("full, and nothing owed")
				}
			default:
				t.Fatal(err)
			}
			if n := w.s.Owed(); n > testConfig.Backlog {
				t.Fatalf("%d bytes owed", n)
			}
			w.room += step
			w.again = true
			w.turn()
		}
		for range 2000 {
			w.room, w.again = step, true
			w.turn()
		}
		if got := w.frames(); !slices.Equal(got, want) || w.s.Owed() != 0 {
			t.Fatalf("step %d: %d of %d frames, %d owed", step, len(got), len(want), w.s.Owed())
		}
		if step == 1 && full == 0 {
			t.Error("the client was never too slow: the test is too easy")
		}
	}
	w := begin(t, &testConfig, nil, "")
	if err := w.s.Push(wsframe.Binary, make([]byte, 5000)); err != nil {
		t.Errorf("a large message to a client that owes nothing: %v", err)
	}
}

// TestNothingFollowsAClose: the close frame leaves in a turn that comes before the loop's letter.
func TestNothingFollowsAClose(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.resumes = false
	w.s.Close(4000, "enough")
	w.s.Ready(w) // as something else has happened
	frame := wsframe.AppendFrame(nil, wsframe.Text, []byte("of a topic"))
	if err := w.s.TryFrame(frame); err != transport.ErrOver {
		t.Errorf("a frame behind a close frame: %v", err)
	}
	w.send(masked(wsframe.Text, "late"))
	w.send(closeFrame(4000, ""))
	if got := fmt.Sprint(w.frames(), w.got); got != "[close 4000 enough] [over 4000 enough]" {
		t.Error(got)
	}
}

// TestClose: our close frame comes behind what was pushed and nothing behind it; the client has its
// time to answer, whatever it sends meanwhile.
func TestClose(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.s.Push(wsframe.Text, []byte("a"))
	w.s.Close(3000, "enough")
	w.s.Close(3001, "twice")
	if err := w.s.Push(wsframe.Text, []byte("b")); err != transport.ErrOver {
		t.Error(err)
	}
	w.turn()
	w.send(joined(masked(wsframe.Text, "ignored"), masked(wsframe.Ping, "")))
	if got := w.frames(); !slices.Equal(got, []string{"1:a", "close 3000 enough"}) || w.over() {
		t.Errorf("%q, over %v", got, w.over())
	}
	w.send(closeFrame(3000, ""))
	if want := []string{"over 3000 enough"}; !slices.Equal(w.got, want) {
		t.Errorf("%q", w.got)
	}

	w = begin(t, &testConfig, nil, "")
	w.s.Close(1000, "")
	w.turn()
	for range 3 { // it never answers, and is not silent
		w.send(masked(wsframe.Text, "x"))
		w.pass(1)
	}
	if want := []string{"over 1000 "}; !slices.Equal(w.got, want) || len(w.ended) != 1 {
		t.Errorf("%q, ended %v", w.got, w.ended)
	}

	none := testConfig
	none.CloseTimeout = 0
	w = begin(t, &none, nil, "")
	w.s.Close(1000, "")
	w.turn()
	if !w.over() {
		t.Error("it waits for the client, for no time")
	}
}

// TestPing: a client that is silent is asked once, and given up if it stays so; one that answers is
// not; nor is one to which nobody listens.
func TestPing(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	for range 5 {
		w.pass(31)
		if n := len(w.frames()); w.frames()[n-1] != "9:" || w.over() {
			t.Fatalf("%q", w.frames())
		}
		w.send(masked(wsframe.Pong, ""))
	}
	w.pass(31)
	w.pass(31)
	if want := []string{"over " + transport.ErrTimeout.Error()}; !slices.Equal(w.got, want) ||
		!slices.Equal(w.ended, []transport.Ending{transport.Close}) {
		t.Errorf("%q, %v", w.got, w.ended)
	}

	w = begin(t, &testConfig, nil, "")
	w.resumes = false
	w.send(masked(wsframe.Text, "a"))
	w.pass(500)
	if w.over() || len(w.out) > 0 {
		t.Error("a client was asked whose message is being dealt with")
	}
	w.s.Resume()
	w.turn()
	w.pass(100)
	if !w.over() {
		t.Error("a client that is gone was never given up")
	}
}

// TestSlow: a client that takes nothing for too long is given up, also if it sends all the time.
func TestSlow(t *testing.T) {
	cfg := testConfig
	cfg.Write = 5
	w := begin(t, &cfg, nil, "")
	w.room = 10
	w.s.Push(wsframe.Text, make([]byte, 100))
	w.turn()
	for n := 0; n < 8 && !w.over(); n++ {
		w.send(masked(wsframe.Pong, ""))
		w.pass(1)
	}
	if want := []string{"over " + ErrSlow.Error()}; !slices.Equal(w.got, want) {
		t.Errorf("%q", w.got)
	}
	w = begin(t, &cfg, nil, "")
	w.room = 10
	w.s.Push(wsframe.Text, make([]byte, 100))
	w.turn()
	for range 40 { // a byte each two seconds
		w.pass(2)
		w.room, w.again = 3, true
		w.turn()
	}
	if w.over() {
		t.Errorf("a client that reads was given up: %q", w.got)
	}
}

// TestPingFlood: the answers to pings do not pile up for a client that does not read them.
func TestPingFlood(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.room = 0
	var in []byte
	for range 100_000 {
		in = append(in, masked(wsframe.Ping, "0123456789")...)
	}
	w.send(in)
	if n := w.s.Owed(); n > unsentRoom+2*len(w.scratch) || len(w.in) == 0 {
		t.Errorf("%d bytes owed, %d of %d not read", n, len(w.in), len(in))
	}
	for len(w.in) > 0 {
		w.room, w.again = 1<<16, true
		w.turn()
	}
	w.room, w.again = 1<<21, true
	w.turn()
	if n := len(w.frames()); n != 100_000 {
		t.Errorf("%d answers", n)
	}
}

// TestDraining: the client is told 1001; what it still owes is waited for.
func TestDraining(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.s.Draining(w)
	w.send(closeFrame(1001, ""))
	if want := []string{"draining", "over " + transport.ErrStopping.Error()}; !slices.Equal(w.got,
		want) || !slices.Equal(w.frames(), []string{"close 1001 "}) {
		t.Errorf("%q, %q", w.got, w.frames())
	}
}

// TestEnded: the Pipe ends by itself.
func TestEnded(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.s.Ended(w, transport.ErrGone)
	if want := []string{"over " + transport.ErrGone.Error()}; !slices.Equal(w.got, want) ||
		w.ended != nil {
		t.Errorf("%q, %v", w.got, w.ended)
	}
	if err := w.s.Push(wsframe.Text, nil); err != transport.ErrOver {
		t.Error(err)
	}
	w.s.Close(1000, "")
	w.turn()

	w = begin(t, &testConfig, nil, "")
	w.eof = true
	w.send(fragment(wsframe.Text, false, "half"))
	if want := []string{"over " + transport.ErrGone.Error()}; !slices.Equal(w.got, want) {
		t.Errorf("%q", w.got)
	}
}

// TestLeft: the owner of a message is told that the client has left, once; and then of the messages
// that came before.
func TestLeft(t *testing.T) {
	w := begin(t, &testConfig, nil, "")
	w.resumes = false
	w.send(joined(masked(wsframe.Text, "a"), masked(wsframe.Text, "b")))
	w.eof = true
	w.send(nil)
	w.send(nil)
	for range 2 {
		w.s.Resume()
		w.turn()
	}
	want := []string{"1:a", "left", "1:b", "over " + transport.ErrGone.Error()}
	if !slices.Equal(w.got, want) {
		t.Errorf("%q", w.got)
	}
}

// TestTryFrame: a shared frame never stands in another one, and is never changed.
func TestTryFrame(t *testing.T) {
	frame := wsframe.AppendFrame(nil, wsframe.Text, []byte("shared"))
	was := bytes.Clone(frame)
	w := begin(t, &testConfig, nil, "")
	w.room = 3
	if err := w.s.TryFrame(frame); err != nil {
		t.Fatal(err)
	}
	if err := w.s.TryFrame(frame); err != transport.ErrAgain {
		t.Fatal(err)
	}
	w.s.Push(wsframe.Text, []byte("own"))
	for range 20 {
		w.room, w.again = 2, true
		w.turn()
	}
	if err := w.s.TryFrame(frame); err != nil {
		t.Fatal(err)
	}
	w.room, w.again = 100, true
	w.turn()
	want := []string{"1:shared", "1:own", "1:shared"}
	if !slices.Equal(w.frames(), want) || !bytes.Equal(frame, was) {
		t.Errorf("%q", w.frames())
	}
	w.s.Close(1000, "")
	w.turn()
	if err := w.s.TryFrame(frame); err != transport.ErrOver {
		t.Error(err)
	}
}

// TestCompressed: long messages are compressed where that was agreed on, both ways.
func TestCompressed(t *testing.T) {
	deflate, err := wsframe.Negotiate("permessage-deflate")
	if err != nil || deflate == nil {
		t.Fatal(err)
	}
	long := strings.Repeat("to compress ", 1000)
	w := begin(t, &testConfig, deflate, "")
	w.s.Push(wsframe.Text, []byte(long))
	w.turn()
	if len(w.out) > len(long)/4 {
		t.Errorf("%d of %d bytes were sent", len(w.out), len(long))
	}
	small := wsframe.AppendDeflated(nil, []byte(long), deflate.Window)
	h := wsframe.Head{Fin: true, Op: wsframe.Text, Reserved: wsframe.RSV1, Masked: true, Key: key,
		Length: int64(len(small))}
	b := wsframe.AppendHead(nil, h)
	n := len(b)
	b = append(b, small...)
	wsframe.Mask(b[n:], key, 0)
	for i := range b {
		w.send(b[i : i+1])
	}
	if len(w.got) != 1 || w.got[0] != "1:"+long {
		t.Errorf("%d messages", len(w.got))
	}
}
