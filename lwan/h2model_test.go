//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// h2StepsVariable says how many steps TestH2Model makes: 20,000, or 2,000 with -short.
const h2StepsVariable = "GOLWAN_H2_STEPS"

// h2model is a client that does anything that it may, at random, and knows what the server may do
// in turn: how much of which bytes, on which streams.
type h2model struct {
	*h2conn
	rnd *rand.Rand

	last    uint32
	streams map[uint32]*h2modelStream // that are not over
	open    []uint32                  // their numbers
	window  int                       // of the connection: what the server may send
	initial int                       // that of a stream
	shrinks int                       // by so much when the server acknowledges the settings
	unheard bool                      // it has not yet

	begun, ended, reset, bytes int
}

// h2modelStream is a stream as the client knows it.
type h2modelStream struct {
	window int // what the server may send
	length int // of the answer's content
	got    int
	upload int // what is to be sent still, its end included
}

// h2modelByte is the byte at of every content.
func h2modelByte(at int) byte { return byte(at % 251) }

// h2modelContent is all of it.
var h2modelContent = func() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = h2modelByte(i)
	}
	return b
}()

// h2modelWanted is as much of it as the request wants.
func h2modelWanted(req *Request) []byte {
	n, err := strconv.Atoi(req.Param("n"))
	if err != nil {
		panic(err)
	}
	return h2modelContent[:n]
}

// TestH2Model: whatever a client does that it may do, no byte is missing, strange or too early, and
// every stream ends.
func TestH2Model(t *testing.T) {
	t.Parallel()
	steps := 20_000
	if testing.Short() {
		steps = 2_000
	}
	if n := os.Getenv(h2StepsVariable); n != "" {
		var err error
		if steps, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	srv := &Server{
		Loops: 1, HTTP2: HTTP2Limits{Resets: -1, Control: -1},
		// A stream may stand still for as long as the model likes, on a machine that is busy.
		Limits: Limits{Body: 1 << 20, Read: -1, Write: -1},
	}
	for name, mw := range map[string][]Middleware{"inline": nil, "blocking": {Blocking}} {
		srv.Handle("GET /"+name+"/{n}", func(req *Request, resp *Response) Status {
			left := h2modelWanted(req)
			for piece := 1; len(left) > 0; piece = piece*7%60_000 + 1 {
				n := min(piece, len(left))
				if _, err := resp.Write(left[:n]); err != nil {
					return resp.Fail(err)
				}
				left = left[n:]
			}
			return 200
		}, mw...)
		srv.Handle("GET /"+name+"/parked/{n}", func(req *Request, resp *Response) Status {
			if err := req.Sleep(time.Millisecond); err != nil {
				return resp.Fail(err)
			}
			return resp.Data(200, "text/plain", h2modelWanted(req))
		}, mw...)
		srv.Handle("POST /"+name, echo, mw...)
	}
	seed := rand.Uint64()
	m := &h2model{
		h2conn: dialH2(t, serveH2(t, srv)), rnd: rand.New(rand.NewPCG(seed, 0)),
		streams: map[uint32]*h2modelStream{}, window: h2frame.DefaultWindow,
		initial: h2frame.DefaultWindow,
	}
	m.quiet = true
	defer func() {
		t.Logf("seed %d: %d steps, %d streams, %d ended, %d reset, %d bytes", seed, steps, m.begun,
			m.ended, m.reset, m.bytes)
	}()
	m.sync()
	for step := range steps {
		m.step()
		if step%8 == 0 {
			m.sync()
		}
	}
	m.finish()
}

// step does something.
func (m *h2model) step() {
	m.t.Helper()
	id := uint32(0)
	if len(m.open) > 0 {
		id = m.open[m.rnd.IntN(len(m.open))]
	}
	switch st := m.streams[id]; m.rnd.IntN(10) {
	case 0, 1, 2:
		if len(m.open) < 100 {
			m.begin()
		}
	case 3, 4:
		if st != nil {
			m.give(id, st, m.rnd.IntN(30_000))
		}
	case 5:
		if st != nil {
			n := 1 + m.rnd.IntN(1<<m.rnd.IntN(18))
			st.window += n
			m.send(h2frame.AppendWindowUpdate(nil, id, uint32(n)))
		}
	case 6, 7:
		if m.window < 400_000 { // what is on its way has to fit into the kernel's buffers
			n := 1 + m.rnd.IntN(50_000)
			m.window += n
			m.send(h2frame.AppendWindowUpdate(nil, 0, uint32(n)))
		}
	case 8:
		m.resize(m.rnd.IntN(100_000))
	case 9:
		if st != nil && m.rnd.IntN(4) == 0 {
			m.reset++
			m.send(h2frame.AppendRstStream(nil, id, h2frame.Cancel))
			m.forget(id)
			break
		}
		m.send(h2bytes(h2frame.PriorityUpdate, 0, 0, append([]byte{0, 0, byte(id >> 8), byte(id | 1)},
			fmt.Sprintf("u=%d, i=?%d", m.rnd.IntN(8), m.rnd.IntN(2))...)))
	}
}

// begin begins a stream.
func (m *h2model) begin() {
	m.t.Helper()
	id := 2*m.last + 1
	m.last++
	m.begun++
	st := &h2modelStream{window: m.initial, length: m.rnd.IntN(1 << (1 + m.rnd.IntN(18)))}
	m.streams[id] = st
	m.open = append(m.open, id)
	path := []string{"/inline", "/blocking", "/inline/parked", "/blocking/parked"}[m.rnd.IntN(4)]
	if m.rnd.IntN(3) == 0 {
		st.upload = st.length + 1 // the end is a step by itself
		m.send(m.headers(id, false, "POST", strings.TrimSuffix(path, "/parked")))
		return
	}
	m.get(id, fmt.Sprintf("%s/%d", path, st.length))
}

// give sends some of what is to be sent, as far as it may be.
func (m *h2model) give(id uint32, st *h2modelStream, n int) {
	m.t.Helper()
	n = max(min(n, h2frame.MaxFrame, st.upload-1, m.room(0), m.room(id)), 0)
	if st.upload == 0 || n == 0 && st.upload > 1 {
		return
	}
	at := st.length + 1 - st.upload
	st.upload -= n
	end := st.upload == 1
	if end {
		st.upload = 0
	}
	m.used[0] += n
	m.used[id] += n
	m.send(h2data(id, end, string(h2modelContent[at:at+n])))
}

// resize changes the window that streams begin with. Until the server has acknowledged it, it may
// keep to the old one.
func (m *h2model) resize(to int) {
	m.t.Helper()
	if m.unheard {
		return
	}
	m.unheard = true
	if by := to - m.initial; by > 0 {
		m.grow(by)
	} else {
		m.shrinks = -by
	}
	m.send(h2frame.AppendSettings(nil, uint32(h2frame.InitialWindowSize), uint32(to)))
}

func (m *h2model) grow(by int) {
	m.initial += by
	for _, st := range m.streams {
		st.window += by
	}
}

// forget is for a stream that is over.
func (m *h2model) forget(id uint32) {
	for i, other := range m.open {
		if other == id {
			m.open = append(m.open[:i], m.open[i+1:]...)
		}
	}
	delete(m.streams, id)
}

// sync reads what the server has sent, until it has answered a ping.
func (m *h2model) sync() {
	m.t.Helper()
	m.send(h2frame.AppendPing(nil, 0, []byte("model...")))
	for {
		if f := m.look(); f.Type == h2frame.Ping && f.Is(h2frame.Ack) {
			return
		}
	}
}

// look reads a frame, and compares it with what may come.
func (m *h2model) look() h2frame.Frame {
	m.t.Helper()
	f, more := m.next()
	if !more {
		m.t.Fatal("the connection has ended")
	}
	st := m.streams[f.Stream]
	switch f.Type {
	case h2frame.GoAway:
		m.t.Fatalf("%v: %q", h2code(f), f.Payload[8:])
	case h2frame.SettingsType:
		if f.Is(h2frame.Ack) {
			m.unheard = false
			m.grow(-m.shrinks)
			m.shrinks = 0
		}
	case h2frame.Data:
		if m.window -= f.Length; m.window < 0 {
			m.t.Fatalf("%d bytes beyond the window of the connection", -m.window)
		}
		m.bytes += f.Length
		if st != nil {
			m.content(f, st)
		}
	case h2frame.RstStream:
		if st != nil {
			m.t.Fatalf("stream %d is reset: %v", f.Stream, f.Code())
		}
	case h2frame.Headers:
		if a := m.answers[f.Stream]; st != nil && a.status != "200" {
			m.t.Fatalf("stream %d: %s", f.Stream, a.status)
		}
		if st != nil && f.Is(h2frame.EndStream) {
			m.over(f.Stream, st)
		}
	}
	if st == nil && f.Stream > 0 {
		delete(m.answers, f.Stream)
	}
	return f
}

// content looks at bytes of an answer.
func (m *h2model) content(f h2frame.Frame, st *h2modelStream) {
	m.t.Helper()
	if st.window -= f.Length; st.window < 0 {
		m.t.Fatalf("stream %d: %d bytes beyond its window", f.Stream, -st.window)
	}
	for i, b := range f.Payload {
		if b != h2modelByte(st.got+i) {
			m.t.Fatalf("stream %d: byte %d is another one", f.Stream, st.got+i)
		}
	}
	st.got += f.Length
	m.answers[f.Stream].body = nil
	if f.Is(h2frame.EndStream) {
		m.over(f.Stream, st)
	}
}

// over is for a stream that the server has ended.
func (m *h2model) over(id uint32, st *h2modelStream) {
	m.t.Helper()
	if st.got != st.length || st.upload > 0 {
		m.t.Fatalf("stream %d ends after %d bytes of %d, %d are to be sent", id, st.got, st.length,
			st.upload)
	}
	m.ended++
	m.forget(id)
	delete(m.answers, id)
}

// finish lets all streams come to their end.
func (m *h2model) finish() {
	m.t.Helper()
	for until := time.Now().Add(patience); len(m.open) > 0; m.sync() {
		if time.Now().After(until) {
			id := m.open[0]
			m.t.Fatalf("%d streams do not end; %d: %+v", len(m.open), id, *m.streams[id])
		}
		if m.window < 400_000 {
			m.window += 100_000
			m.send(h2frame.AppendWindowUpdate(nil, 0, 100_000))
		}
		for _, id := range m.open {
			st := m.streams[id]
			m.give(id, st, h2frame.MaxFrame)
			if st.window < 10_000 {
				st.window += 20_000
				m.send(h2frame.AppendWindowUpdate(nil, id, 20_000))
			}
		}
	}
	if m.ended+m.reset != m.begun {
		m.t.Errorf("%d streams have begun, %d have ended, %d were reset", m.begun, m.ended, m.reset)
	}
}
