//go:build linux

package loop

import (
	"math/rand/v2"
	"testing"
)

func TestReadyQueueAgainstSlice(t *testing.T) {
	var q readyQueue
	var model []readyItem
	for i := range int32(20_000) {
		if rand.IntN(5) < 3 {
			it := readyItem{token: uint64(i)}
			q.push(it)
			model = append(model, it)
		} else if len(model) > 0 {
			if got := q.pop(); got != model[0] {
				t.Fatalf("%v, want %v", got, model[0])
			}
			model = model[1:]
		}
		if q.len() != len(model) {
			t.Fatalf("%d items, want %d", q.len(), len(model))
		}
	}
}

func TestWorkerQueue(t *testing.T) {
	var q workerQueue
	workers := make([]Worker, 100)
	in, out := 0, 0
	for range 10_000 {
		if in-out < len(workers) && rand.IntN(2) == 0 {
			q.push(&workers[in%len(workers)])
			in++
			continue
		}
		w := q.pop()
		if in == out {
			if w != nil {
				t.Fatal("an empty queue gave a worker")
			}
			continue
		}
		if w != &workers[out%len(workers)] || w.next != nil {
			t.Fatal("not the first one")
		}
		out++
	}
}

func TestPoolTrimsWhatNobodyNeeded(t *testing.T) {
	r := run(t, Config{})
	r.do(func(l *Loop) {
		pool := &l.runner.Load().pool
		for range 200 {
			l.workers.Add(1)
			w := newWorker(l.runner.Load())
			pool.put(w)
		}
		pool.low = 0
		pool.trim(l)
		if pool.n < 200 {
			t.Errorf("%d rest: some were ended though all were needed since the last trim", pool.n)
		}
		before := pool.n
		pool.trim(l)
		if got, want := before-pool.n, (before-SpareWorkers+7)/8; got != want {
			t.Errorf("%d ended, want an eighth: %d", got, want)
		}
		for range 100 {
			pool.trim(l)
		}
		if pool.n != SpareWorkers || l.workers.Load() != SpareWorkers+1 {
			t.Errorf("%d rest of %d, want %d", pool.n, l.workers.Load(), SpareWorkers)
		}
	})
}
