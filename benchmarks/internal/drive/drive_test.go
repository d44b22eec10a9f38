package drive

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

func ExampleRun() {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	result, err := Run(load.Job{Addr: server.Listener.Addr().String(),
		Requests: contract.Requests(contract.Hello), Connections: 8,
		Duration: 100 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Requests > 0, result.Errors.Status == result.Requests)
	// Output: true true
}

// server counts its requests and connections, and answers them rightly.
type server struct {
	*httptest.Server
	requests, conns atomic.Int64
}

func serve(t *testing.T) *server {
	s := &server{}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return // the end of a run cuts requests that are under way
		}
		w.Header().Set("Content-Type", "text/plain")
		if n > 0 {
			fmt.Fprint(w, n)
		} else {
			io.WriteString(w, contract.Greeting)
		}
	})
	s.Server = httptest.NewUnstartedServer(mux)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func TestRun(t *testing.T) {
	for name, job := range map[string]load.Job{
		"one":       {Requests: contract.Requests(contract.Hello), Connections: 1},
		"many":      {Requests: contract.Requests(contract.Hello), Connections: 100},
		"post":      {Requests: contract.Requests(contract.Post), Connections: 5},
		"several":   {Requests: contract.Requests(contract.Routing), Connections: 5},
		"pipelined": {Requests: contract.Requests(contract.Post), Connections: 5, Pipeline: 200},
		"reconnected": {
			Requests: contract.Requests(contract.Hello), Connections: 5, Reconnect: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			job.Addr, job.Duration = s.Listener.Addr().String(), 200*time.Millisecond
			result, err := Run(job)
			if err != nil || result.Errors.Err() != nil {
				t.Fatalf("%v, %+v", err, result)
			}
			served, owed := s.requests.Load(), int64(job.Connections*max(job.Pipeline, 1))
			if result.Requests == 0 || result.Requests > served || result.Requests < served-owed {
				t.Errorf("%d answers, %d requests served", result.Requests, served)
			}
			if conns := s.conns.Load(); job.Reconnect != (conns > int64(job.Connections)) {
				t.Errorf("%d connections for %d requests", conns, served)
			}
			if result.Took < job.Duration || result.Latency.P50 <= 0 ||
				result.Latency.Max < result.Latency.P99 ||
				result.Bytes < result.Requests*int64(len(contract.Greeting)) {
				t.Errorf("%+v", result)
			}
		})
	}
}

// TestRunFollowsTheServersClose has a server that closes after every third answer, as a limit of
// requests does.
func TestRunFollowsTheServersClose(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%3 == 0 {
			w.Header().Set("Connection", "close")
		}
	}))
	defer s.Close()
	result, err := Run(load.Job{Addr: s.Listener.Addr().String(),
		Requests: contract.Requests(contract.Hello), Connections: 3,
		Duration: 100 * time.Millisecond})
	if err != nil || result.Errors.Err() != nil || result.Requests < 10 {
		t.Errorf("%+v, %v", result, err)
	}
}

// script is a server that sends the same bytes on every connection, and closes it.
func script(t *testing.T, answer string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed: the test is over
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, 4096)); err == nil {
					io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return ln.Addr().String()
}

func TestRunCountsErrors(t *testing.T) {
	for answer, want := range map[string]load.Errors{
		"":                             {Read: 2},
		hello[:20]:                     {Read: 2},
		"nonsense\r\n\r\n":             {Read: 2},
		hello + hello:                  {Read: 2}, // more answers than requests
		hello + "HTTP/1.1 200":         {Read: 2}, // and the beginning of another
		strings.Repeat("x", maxHead*2): {Read: 2},
	} {
		result, err := Run(load.Job{Addr: script(t, answer),
			Requests: contract.Requests(contract.Hello), Connections: 2,
			Duration: 10 * time.Second})
		if err != nil || result.Errors != want {
			t.Errorf("%.40q: %+v, %v", answer, result.Errors, err)
		}
		if result.Took >= 10*time.Second {
			t.Errorf("%.40q: went on without connections", answer)
		}
	}
}

func TestRunWithoutServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	job := load.Job{
		Addr: ln.Addr().String(), Requests: contract.Requests(contract.Hello), Connections: 3,
		Duration: time.Minute,
	}
	ln.Close()
	result, err := Run(job)
	if err != nil || result.Errors != (load.Errors{Connect: 3}) || result.Requests != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	for _, impossible := range []load.Job{
		{}, {Addr: job.Addr, Requests: job.Requests, Duration: 1},
		{Addr: "nonsense", Requests: job.Requests, Connections: 1, Duration: 1},
		{Addr: job.Addr, Connections: 1, Duration: 1},
	} {
		if _, err := Run(impossible); err == nil {
			t.Errorf("%+v: no error", impossible)
		}
	}
}

// TestRunDiscardsLongBodies has a body that is thrown away for the most part, and answers after it
// that must be found.
func TestRunDiscardsLongBodies(t *testing.T) {
	const size = 3<<20 + 5
	var served atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader(strings.Repeat("x", size)))
	}))
	defer s.Close()
	for _, depth := range []int{1, 3} {
		served.Store(0)
		r, err := Run(load.Job{Addr: s.Listener.Addr().String(),
			Requests: contract.Requests(contract.Hello), Connections: 2, Pipeline: depth,
			Duration: 200 * time.Millisecond})
		if err != nil || r.Errors.Err() != nil || r.Requests == 0 || r.Bytes < r.Requests*size {
			t.Fatalf("depth %d: %+v, %v", depth, r, err)
		}
		if n := served.Load(); r.Requests > n || r.Requests < n-int64(2*depth) {
			t.Errorf("depth %d: %d of %d requests", depth, r.Requests, n)
		}
	}
}

func TestPrepare(t *testing.T) {
	requests := contract.Requests(contract.Routing)[:4]
	for _, c := range []struct{ depth, batches int }{
		{0, 4}, {1, 4}, {2, 2}, {3, 4}, {4, 1}, {6, 2}, {8, 1},
	} {
		batches := prepare(load.Job{Addr: "h", Requests: requests, Pipeline: c.depth})
		if len(batches) != c.batches {
			t.Errorf("depth %d: %d batches, want %d", c.depth, len(batches), c.batches)
		}
		var all strings.Builder
		for _, b := range batches {
			all.Write(b.bytes)
		}
		var want strings.Builder
		for i := range c.batches * max(c.depth, 1) {
			want.Write(requests[i%len(requests)].Bytes("h", false))
		}
		if all.String() != want.String() {
			t.Errorf("depth %d: %q", c.depth, all.String())
		}
	}
}

func TestHold(t *testing.T) {
	s := serve(t)
	h, err := Hold(s.Listener.Addr().String(), contract.Requests(contract.Hello)[0], 50)
	if err != nil {
		t.Fatal(err)
	}
	if n := h.Alive(); n != 50 || s.conns.Load() != 50 || s.requests.Load() != 50 {
		t.Errorf("%d alive, %d connections, %d requests", n, s.conns.Load(), s.requests.Load())
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

func TestHoldNoticesWhatIsNotHeld(t *testing.T) {
	for _, answer := range []string{
		"",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n",
	} {
		if _, err := Hold(script(t, answer), contract.Requests(contract.Hello)[0], 2); err == nil {
			t.Errorf("%q: no error", answer)
		}
	}
	// This server answers well, and closes without having said so.
	h, err := Hold(script(t, hello), contract.Requests(contract.Hello)[0], 3)
	if err != nil {
		t.Fatal(err)
	}
	for h.Alive() > 0 {
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}
