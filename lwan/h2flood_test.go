//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// floodRig is a server under attack, and an honest client beside it.
type floodRig struct {
	t       testing.TB
	srv     *Server
	addr    string
	secure  bool
	running atomic.Int64
	most    atomic.Int64
	honest  *http.Client
	begun   runtime.MemStats
	routine int
}

func newFloodRig(t testing.TB, secure bool, limits Limits, idle time.Duration) *floodRig {
	r := &floodRig{t: t, secure: secure, srv: &Server{
		Loops: 1, Limits: limits, IdleTimeout: idle, HeaderTimeout: idle,
	}}
	enter := func() func() {
		n := r.running.Add(1)
		for most := r.most.Load(); n > most && !r.most.CompareAndSwap(most, n); {
			most = r.most.Load()
		}
		return func() { r.running.Add(-1) }
	}
	r.srv.Handle("/", func(req *Request, resp *Response) Status {
		defer enter()()
		return echo(req, resp)
	})
	r.srv.Handle("/sleep", func(req *Request, resp *Response) Status {
		defer enter()()
		return resp.Fail(req.Sleep(10 * time.Second))
	})
	r.srv.Handle("/stubborn", func(req *Request, resp *Response) Status {
		defer enter()()
		if err := req.Await(func(context.Context) error {
			time.Sleep(300 * time.Millisecond)
			return nil
		}); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "late")
	})
	r.srv.Handle("/blocking", func(req *Request, resp *Response) Status {
		defer enter()()
		return resp.Fail(req.Sleep(10 * time.Second))
	}, Blocking)
	r.srv.Handle("/large", text(fill(1<<20)))
	if secure {
		r.addr, r.honest = serveH2S(t, r.srv), h2SClient(t)
	} else {
		r.addr, r.honest = serveH2(t, r.srv), h2Client(t)
	}
	r.ask()
	runtime.GC()
	runtime.ReadMemStats(&r.begun)
	r.routine = runtime.NumGoroutine()
	return r
}

// dial is an attacker's connection.
func (r *floodRig) dial(settings ...uint32) *h2conn {
	if r.secure {
		return dialH2S(r.t, r.addr, settings...)
	}
	return dialH2(r.t, r.addr, settings...)
}

// ask asks as an honest client does.
func (r *floodRig) ask() {
	r.t.Helper()
	url := "http://" + r.addr + "/"
	if r.secure {
		url = "https://" + r.addr + "/"
	}
	resp, err := r.honest.Post(url, "text/plain", strings.NewReader("hello"))
	if err != nil {
		r.t.Fatal("the honest client: ", err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "hello" {
		r.t.Fatalf("the honest client: %q, %v", got, err)
	}
	if resp.ProtoMajor != 2 {
		r.t.Fatal("the honest client speaks ", resp.Proto)
	}
}

// calm checks that nothing is left of an attack.
func (r *floodRig) calm() {
	r.t.Helper()
	r.ask()
	settled(r.t, "handlers", 0, r.running.Load)
	fewerGoroutines(r.t, r.routine+300)
	for range 3 { // pools forget by and by
		runtime.GC()
	}
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	if grown := int64(now.HeapAlloc) - int64(r.begun.HeapAlloc); grown > 8<<20 {
		r.t.Errorf("%d KiB of heap are left", grown>>10)
	}
	if most := r.most.Load(); most > 140 {
		r.t.Errorf("%d handlers ran at a time", most)
	}
}

// TestH2Floods: what costs us something and is of no use to an honest client ends the connection
// and costs others nothing, whether or not its client reads.
func TestH2Floods(t *testing.T) {
	reset := func(path string) func(h *h2conn, i int) []byte {
		return func(h *h2conn, i int) []byte {
			id := uint32(2*i + 1)
			return append(h.headers(id, true, "GET", path),
				h2frame.AppendRstStream(nil, id, h2frame.Cancel)...)
		}
	}
	for name, c := range map[string]struct {
		each func(h *h2conn, i int) []byte
		why  string
	}{
		"rapid reset":           {reset("/"), "ENHANCE_YOUR_CALM"},
		"rapid reset, parked":   {reset("/sleep"), "ENHANCE_YOUR_CALM"},
		"rapid reset, stubborn": {reset("/stubborn"), "ENHANCE_YOUR_CALM"},
		"rapid reset, blocking": {reset("/blocking"), "ENHANCE_YOUR_CALM"},
		"made to reset": {func(h *h2conn, i int) []byte { // CVE-2025-8671
			id := uint32(2*i + 1)
			return append(h.headers(id, true, "GET", "/sleep"),
				h2bytes(h2frame.WindowUpdate, 0, id, make([]byte, 4))...)
		}, "ENHANCE_YOUR_CALM"},
		"too many streams": {func(h *h2conn, i int) []byte {
			return h.headers(uint32(2*i+1), true, "GET", "/sleep")
		}, "ENHANCE_YOUR_CALM"},
		"malformed requests": {func(h *h2conn, i int) []byte {
			return h.headers(uint32(2*i+1), true, "GET", "/", "connection: close")
		}, "ENHANCE_YOUR_CALM"},
		"continuation": {func(h *h2conn, i int) []byte {
			if i == 0 {
				return h2bytes(h2frame.Headers, 0, 1, h.block("GET", "/"))
			}
			return h2bytes(h2frame.Continuation, 0, 1, h.block("", "", "x: y"))
		}, "ENHANCE_YOUR_CALM"},
		"empty continuation": {func(h *h2conn, i int) []byte {
			if i == 0 {
				return h2bytes(h2frame.Headers, 0, 1, nil)
			}
			return h2bytes(h2frame.Continuation, 0, 1, nil)
		}, "ENHANCE_YOUR_CALM"},
		"bomb": {func(h *h2conn, i int) []byte {
			block := append(h.block("GET", "/", "a: "+fill(3900)), bytes.Repeat([]byte{0xbe}, 10_000)...)
			return h2bytes(h2frame.Headers, h2frame.EndHeaders|h2frame.EndStream, uint32(2*i+1), block)
		}, "ENHANCE_YOUR_CALM"},
		"table updates": {func(h *h2conn, i int) []byte {
			block := append(bytes.Repeat([]byte{0x20, 0x3f, 0xe1, 0x1f}, 4000), h.block("GET", "/")...)
			return h2bytes(h2frame.Headers, h2frame.EndHeaders|h2frame.EndStream, uint32(2*i+1), block)
		}, ""}, // fine, or COMPRESSION_ERROR, as it costs next to nothing
		"settings": {func(*h2conn, int) []byte { return h2frame.AppendSettings(nil, 4, 70_000) },
			"ENHANCE_YOUR_CALM"},
		"settings that change": {func(_ *h2conn, i int) []byte {
			return h2frame.AppendSettings(nil, 4, uint32(i%2)*1000)
		}, "ENHANCE_YOUR_CALM"},
		"ping": {func(*h2conn, int) []byte {
			return h2frame.AppendPing(nil, 0, []byte("12345678"))
		}, "ENHANCE_YOUR_CALM"},
		"ping answers": {func(*h2conn, int) []byte {
			return h2frame.AppendPing(nil, h2frame.Ack, []byte("12345678"))
		}, "ENHANCE_YOUR_CALM"},
		"priority": {func(_ *h2conn, i int) []byte {
			return h2bytes(h2frame.Priority, 0, uint32(2*i+1), make([]byte, 5))
		}, "ENHANCE_YOUR_CALM"},
		"priority update": {func(_ *h2conn, i int) []byte {
			return h2bytes(h2frame.PriorityUpdate, 0, 0, []byte{0, 0, 0, 1, 'u', '=', '1'})
		}, "ENHANCE_YOUR_CALM"},
		"empty data": {func(h *h2conn, i int) []byte {
			if i == 0 {
				return h.headers(1, false, "POST", "/")
			}
			return h2data(1, false, "")
		}, "ENHANCE_YOUR_CALM"},
		"nothing but padding": {func(h *h2conn, i int) []byte {
			if i == 0 {
				return h.headers(1, false, "POST", "/")
			}
			return h2bytes(h2frame.Data, h2frame.Padded, 1, make([]byte, 1))
		}, "ENHANCE_YOUR_CALM"},
		"tiny windows": {func(h *h2conn, i int) []byte {
			if i == 0 {
				return h.headers(1, true, "GET", "/large")
			}
			return h2frame.AppendWindowUpdate(nil, uint32(i%2), 1)
		}, "ENHANCE_YOUR_CALM"},
		"unknown frames": {func(*h2conn, int) []byte {
			return h2bytes(0xfa, 0, 0, []byte("what"))
		}, "ENHANCE_YOUR_CALM"},
		"window too large": {func(*h2conn, int) []byte {
			return h2frame.AppendWindowUpdate(nil, 0, h2frame.MaxWindow)
		}, "FLOW_CONTROL_ERROR"},
	} {
		for _, way := range []struct{ reads, secure bool }{
			{true, false}, {false, false}, {true, true}, {false, true},
		} {
			reads := way.reads
			t.Run(fmt.Sprintf("%s, reads: %v, TLS: %v", name, reads, way.secure), func(t *testing.T) {
				r := newFloodRig(t, way.secure, Limits{}, 0)
				h := r.dial()
				h.quiet = true
				h.ping()
				_ = h.SetWriteDeadline(time.Now().Add(60 * time.Second))
				ended := make(chan bool)
				go func() {
					defer close(ended)
					for i := 0; i < 20_000; i += 10 {
						var b []byte
						for k := range 10 {
							b = append(b, c.each(h, i+k)...)
						}
						if _, err := h.Write(b); err != nil {
							return
						}
					}
				}()
				if !reads || c.why == "" {
					<-ended
				} else if why := h.end(); !strings.HasPrefix(why, c.why+":") {
					t.Errorf("%q", why)
				}
				r.ask()
				_ = h.Close()
				<-ended
				r.calm()
			})
		}
	}
}

// TestH2ZeroWindow: answers that their client does not take end after Limits.Write, also if it
// takes a byte now and then.
func TestH2ZeroWindow(t *testing.T) { clearAndTLS(t, zeroWindow) }

func zeroWindow(t *testing.T, secure bool) {
	r := newFloodRig(t, secure, Limits{Write: time.Second}, 0)
	h := r.dial(uint32(h2frame.InitialWindowSize), 0)
	h.quiet = true
	for i := range 128 {
		h.get(uint32(2*i+1), "/large")
	}
	go func() {
		for range 6 {
			time.Sleep(500 * time.Millisecond)
			for i := range 128 {
				if _, err := h.Write(h2frame.AppendWindowUpdate(nil, uint32(2*i+1), 1)); err != nil {
					return
				}
			}
		}
	}()
	for i := range 128 {
		if a := h.answer(uint32(2*i + 1)); !a.reset || len(a.body) > 10 {
			t.Fatalf("stream %d: %d bytes, reset: %v", 2*i+1, len(a.body), a.reset)
		}
	}
	r.ask()
	h.Close()
	r.calm()
}

// TestH2DoesNotRead: a client that takes nothing is given up, whatever it has asked for.
func TestH2DoesNotRead(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it waits for seconds")
	}
	clearAndTLS(t, doesNotRead)
}

func doesNotRead(t *testing.T, secure bool) {
	r := newFloodRig(t, secure, Limits{Write: time.Second}, time.Second)
	h := r.dial(uint32(h2frame.InitialWindowSize), h2frame.MaxWindow)
	h.send(h2frame.AppendWindowUpdate(nil, 0, h2frame.MaxWindow-h2frame.DefaultWindow))
	for i := range 100 {
		h.get(uint32(2*i+1), "/large")
	}
	r.ask()
	// what it has asked for ends, nothing more of it is looked at, and then its time is up
	settled(t, "connections", 0, func() int64 {
		s := r.srv.Stats()
		return s.Conns.Idle + s.Conns.Active
	})
	h.Close()
	r.calm()
}

// clearAndTLS runs a test without and with TLS.
func clearAndTLS(t *testing.T, test func(t *testing.T, secure bool)) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) { test(t, secure) })
	}
}
