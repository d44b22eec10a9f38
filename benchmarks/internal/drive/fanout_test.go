package drive

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// topic is a server with a topic that loses each event for the subscribers that are to miss it.
type topic struct {
	miss int // how many of the subscribers get none
	data string

	mu          sync.Mutex
	subscribers []chan string // guarded by mu
}

func (s *topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.mu.Lock()
		for _, subscriber := range s.subscribers[min(s.miss, len(s.subscribers)):] {
			subscriber <- s.data
		}
		s.mu.Unlock()
		io.WriteString(w, contract.Published)
		return
	}
	events := make(chan string, 16)
	s.mu.Lock()
	s.subscribers = append(s.subscribers, events)
	s.mu.Unlock()
	w.Header().Set("Content-Type", contract.EventStream)
	for {
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case e := <-events:
			io.WriteString(w, "data: "+e+"\n\n")
		}
	}
}

func publish(t *testing.T, s *topic) (load.Result, error) {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return FanOut(load.Job{Addr: server.Listener.Addr().String(),
		Requests: contract.Requests(contract.Publish), Subscribers: 20,
		Duration: 100 * time.Millisecond, Server: os.Getpid()})
}

func TestFanOut(t *testing.T) {
	r, err := publish(t, &topic{data: contract.EventData})
	if err != nil || r.Errors.Err() != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Requests == 0 || r.Requests%20 != 0 || r.Bytes < r.Requests*contract.EventBytes ||
		r.Took < 100*time.Millisecond || r.Latency.P50 <= 0 {
		t.Errorf("%+v", r)
	}
}

func TestFanOutNoticesWhatIsMissing(t *testing.T) {
	if r, err := publish(t, &topic{
		data: contract.EventData, miss: 1,
	}); err != nil || r.Errors != (load.Errors{Timeout: 1}) {
		t.Errorf("with one subscriber that gets nothing: %+v, %v", r.Errors, err)
	}
	// A subscriber that gets two makes up for one that gets none, but only in the sum.
	if r, err := publish(t, &topic{
		data: contract.EventData + contract.EventData, miss: 10,
	}); err == nil && r.Errors.Err() == nil {
		t.Errorf("with events for half of them, doubled: %+v", r)
	}
	for _, job := range []load.Job{
		{},
		{Requests: contract.Requests(contract.Publish), Subscribers: 1, Duration: 1},
		{Requests: contract.Requests(contract.Hello), Subscribers: 1, Duration: 1, Server: 1},
	} {
		if _, err := FanOut(job); err == nil {
			t.Errorf("%+v: no error", job)
		}
	}
}

// TestSteady has a server that refuses to answer before a number of connections have been opened,
// and one that does not answer at all.
func TestSteady(t *testing.T) {
	s := serve(t)
	job := load.Job{Addr: s.Listener.Addr().String(), Requests: contract.Requests(contract.Hello),
		Connections: 300, Duration: 100 * time.Millisecond, Steady: true, Server: os.Getpid()}
	r, err := Run(job)
	if err != nil || r.Errors.Err() != nil || r.Requests == 0 ||
		s.conns.Load() != 300 || r.Used < 0 {
		t.Fatalf("%+v, %v, %d connections", r, err, s.conns.Load())
	}
	if served := s.requests.Load(); r.Requests > served-300 {
		t.Errorf("%d requests counted of %d, the first 300 included", r.Requests, served)
	}
	job.Addr = script(t, "nonsense\r\n\r\n")
	if _, err := Run(job); err == nil {
		t.Error("no error from a server without answers")
	}
	job.Server = 0
	if _, err := Run(job); err == nil {
		t.Error("no error without a server to measure")
	}
}

func TestHoldAStream(t *testing.T) {
	server := httptest.NewServer(&topic{})
	defer server.Close()
	h, err := Hold(server.Listener.Addr().String(), contract.Requests(contract.Publish)[0], 10)
	if err != nil {
		t.Fatal(err)
	}
	if alive := h.Alive(); alive != 10 {
		t.Errorf("%d alive", alive)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for _, answer := range []string{
		"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP/1.1 200 OK\r\n", "nonsense\r\n\r\n",
		strings.Repeat("x", maxHead+1),
	} {
		if _, err := Hold(script(t, answer), contract.Requests(contract.Stream)[0], 1); err == nil {
			t.Errorf("%.20q: no error", answer)
		}
	}
}
