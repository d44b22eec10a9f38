package gateway

import (
	"math/rand/v2"
	"sync"
	"testing"
)

func TestBudget(t *testing.T) {
	b := budget{part: 0.2, spare: 3}
	now := int64(1_000_000)
	allowed := func(want int) {
		t.Helper()
		got := 0
		for b.retry(now) {
			got++
		}
		if got != want {
			t.Errorf("at %d: %d retries, want %d", now, got, want)
		}
	}
	allowed(3) // without a request
	for range 50 {
		b.request(now)
	}
	allowed(10)
	now += 5000
	for range 5 {
		b.request(now)
	}
	allowed(1)
	now += 5000 // the first second has gone
	allowed(3 + 1 - 1)
	now += 100_000
	allowed(3)
}

// TestQueueOrder: first in, first out, whoever else wants a place.
func TestQueueOrder(t *testing.T) {
	q := queue{max: 3}
	m := members(1)[0]
	m.maxConns = 1
	r := newRoster(LeastConns, 0, []*member{m})
	try := func(w *wish) (pick, bool) {
		p, why := r.choose(w, 1)
		return p, why == chosen
	}
	if _, why := r.choose(new(wish), 1); why != chosen {
		t.Fatal(why)
	}
	var woken []int
	ws := make([]*waiter, 4)
	for i := range ws {
		ws[i] = &waiter{wish: new(wish), wake: func() { woken = append(woken, i) }}
		if got := q.enter(ws[i], try); got != (i < 3) {
			t.Fatalf("waiter %d: entered %v", i, got)
		}
	}
	if _, ok := q.leave(ws[1]); ok { // it has had enough
		t.Error("it had a place")
	}
	for range 2 {
		m.active.Add(-1)
		q.pump(try)
	}
	if len(woken) != 2 || woken[0] != 0 || woken[1] != 2 || q.waiting.Load() != 0 {
		t.Errorf("woken %v, %d wait", woken, q.waiting.Load())
	}
	if p, ok := q.leave(ws[2]); !ok || p.member != m {
		t.Error("the place that it was handed is lost")
	}
}

// TestQueueAtATime lets many come and go, some of which leave the queue: never are more at a member
// than may be, and nobody waits for ever.
func TestQueueAtATime(t *testing.T) {
	ms := members(1, 2)
	for _, m := range ms {
		m.maxConns = 2
	}
	r := newRoster(LeastConns, 0, ms)
	q := queue{max: 1000}
	try := func(w *wish) (pick, bool) {
		p, why := r.choose(w, 1)
		return p, why == chosen
	}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 500 {
				p, ok := try(new(wish))
				if !ok {
					woken := make(chan struct{})
					w := &waiter{wish: new(wish), wake: func() { close(woken) }}
					if !q.enter(w, try) {
						t.Error("the queue is full")
						return
					}
					if rand.IntN(4) > 0 {
						<-woken
					}
					if p, ok = q.leave(w); !ok {
						continue
					}
				}
				if n := p.active.Load(); n > 2 {
					t.Errorf("%d at a time", n)
				}
				p.active.Add(-1)
				q.pump(try)
			}
		})
	}
	group.Wait()
	if q.line.Len() != 0 || ms[0].active.Load() != 0 || ms[1].active.Load() != 0 {
		t.Errorf("%d wait, %d and %d active",
			q.line.Len(), ms[0].active.Load(), ms[1].active.Load())
	}
}
