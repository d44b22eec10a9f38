package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// event is what goes over a stream.
var event = []byte("data: " + contract.EventData + "\n\n")

// streams registers the streams: one that its handler writes, and one that a topic feeds.
func streams(mux *http.ServeMux) {
	t := &topic{subscribers: map[chan []byte]struct{}{}}
	mux.HandleFunc("GET /events", events)
	mux.HandleFunc("GET /long", long)
	mux.HandleFunc("GET /topic", t.subscribe)
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, _ *http.Request) {
		t.publish(event)
		text(w, contract.Published)
	})
}

// long writes as fast as its client reads.
func long(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	piece := make([]byte, contract.LongPiece)
	for range contract.LongBytes / contract.LongPiece {
		if !flushed(w, piece) {
			return
		}
	}
}

// events sends an event at once and then one a minute.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", contract.EventStream)
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		if !flushed(w, event) {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// topic hands events to subscribers as most programs on net/http do: through a channel each.
type topic struct {
	mu          sync.Mutex
	subscribers map[chan []byte]struct{} // guarded by mu
}

// owed is how many events a subscriber may be behind before it loses some.
const owed = 16

func (t *topic) subscribe(w http.ResponseWriter, r *http.Request) {
	events := make(chan []byte, owed)
	t.mu.Lock()
	t.subscribers[events] = struct{}{}
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.subscribers, events)
		t.mu.Unlock()
	}()
	w.Header().Set("Content-Type", contract.EventStream)
	if !flushed(w, nil) {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case e := <-events:
			if !flushed(w, e) {
				return
			}
		}
	}
}

func (t *topic) publish(e []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for subscriber := range t.subscribers {
		select {
		case subscriber <- e:
		default: // it is slow
		}
	}
}

// flushed sends p at once and reports whether that was possible.
func flushed(w http.ResponseWriter, p []byte) bool {
	_, err := w.Write(p)
	return err == nil && http.NewResponseController(w).Flush() == nil
}
