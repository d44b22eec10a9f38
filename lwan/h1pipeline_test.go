//go:build linux && !golwan_nethttp

package lwan

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

const pipelined = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

// keepPipeline sends requests for as long as more says so, with the next ones always there before
// the last ones are answered, and reads the answers, which all are of the same size. It returns how
// many there were.
func keepPipeline(t *testing.T, w *client, more func(n int) bool) (n int) {
	t.Helper()
	const batch = 500
	requests := strings.Repeat(pipelined, batch)
	w.send(pipelined)
	a, _ := w.r.Peek(1)
	if len(a) == 0 {
		t.Fatal("no answer")
	}
	first := make([]byte, w.r.Buffered())
	if _, err := io.ReadFull(w.r, first); err != nil {
		t.Fatal(err)
	}
	answers := make([]byte, batch*len(first))
	w.send(requests)
	for more(n) {
		w.send(requests)
		if _, err := io.ReadFull(w.r, answers); err != nil {
			t.Fatalf("after %d answers: %v", n, err)
		}
		n += batch
	}
	if _, err := io.ReadFull(w.r, answers); err != nil {
		t.Fatalf("after %d answers: %v", n, err)
	}
	if got := strings.Count(string(answers), "HTTP/1.1 200 OK\r\n"); got != batch {
		t.Fatalf("%d of the last %d answers are right", got, batch)
	}
	return n + batch
}

// TestBusyPipelineWasTimedOut: the time for the first head went on while requests waited for their
// turn, so that a client with something always under way got a 408 in the midst of it.
func TestBusyPipelineWasTimedOut(t *testing.T) {
	t.Parallel()
	batch, batches := 2000, 20
	if testing.Short() {
		batch = 200
	}
	srv := &Server{Loops: 1, MaxPipelined: 1, HeaderTimeout: time.Minute}
	clock := stopTime(srv)
	n := 0
	srv.Handle("GET /x", func(req *Request, resp *Response) Status {
		if n++; n%batch == batch/2 { // there are requests behind this one
			clock.now.Add(int64(time.Hour))
		}
		return resp.Text(200, "x")
	})
	w := dial(t, serveTest(t, srv))
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(w.c, strings.Repeat(pipelined, batch*batches))
		sent <- errors.Join(err, w.c.(tcpConn).CloseWrite())
	}()
	answers, err := io.ReadAll(w.r)
	got := strings.Count(string(answers), "HTTP/1.1 200 OK\r\n")
	if got != batch*batches || err != nil {
		t.Errorf("%d answers to %d requests, %v: %.200q",
			got, batch*batches, err, answers[max(len(answers)-200, 0):])
	}
	if err := received(t, sent); err != nil {
		t.Error(err)
	}
}

// TestHeadBehindAPipelineWasNotTimed: half a request that came behind others could stay for as long
// as it liked.
func TestHeadBehindAPipelineWasNotTimed(t *testing.T) {
	t.Parallel()
	srv := &Server{Loops: 1, MaxPipelined: 1, HeaderTimeout: time.Minute, IdleTimeout: -1}
	srv.Handle("GET /x", text("x"))
	clock := stopTime(srv)
	w := dial(t, serveTest(t, srv))
	w.open("/x")
	w.send(strings.Repeat(pipelined, 3) + "GET /x HTTP/1.1\r\nHost:")
	for range 3 {
		w.want("GET", 200, "x")
	}
	clock.rush(t)
	if a := w.answer("GET"); a.status != 408 || !a.close {
		t.Errorf("%v", a)
	}
	w.ended()
}

// TestPipelineWasCopied: what waited for its turn was copied each time, 16 KiB for 64 requests.
func TestPipelineWasCopied(t *testing.T) {
	if debugBuild {
		t.Skip("with lwandebug nothing is used again")
	}
	srv := &Server{Loops: 1}
	srv.Handle("GET /x", text("x"))
	w := dial(t, serveTest(t, srv))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := keepPipeline(t, w, func(n int) bool { return n < 50_000 })
	runtime.ReadMemStats(&after)
	if each := float64(after.TotalAlloc-before.TotalAlloc) / float64(n); each > 64 {
		t.Errorf("%.0f bytes are allocated for a request", each)
	} else {
		t.Logf("%.1f bytes are allocated for a request", each)
	}
}

// TestPipelineBehindAnAnswerThatWaits: while the first answer waits for its client the read buffer
// shrinks to what is left in it. When the requests behind had waited for their turn, too, the first
// one was answered once more.
func TestPipelineBehindAnAnswerThatWaits(t *testing.T) {
	const n = 100 // of a few KiB together
	large := strings.Repeat("x", 16<<20)
	srv := &Server{MaxPipelined: 1}
	srv.Handle("GET /large", func(req *Request, resp *Response) Status {
		resp.SetBody(large)
		return 200
	})
	srv.Handle("GET /{i}", func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Param("i"))
	})
	w := dial(t, serveTest(t, srv))
	pipeline := get1("/large")
	for i := range n {
		pipeline += fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: pipelines.example\r\n\r\n", i)
	}
	w.send(pipeline)
	settled(t, "parked", 1, func() int64 { return srv.Stats().Conns.Parked })
	w.want("GET", 200, large)
	for i := range n {
		w.want("GET", 200, fmt.Sprint(i))
	}
}
