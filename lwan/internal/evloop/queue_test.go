//go:build linux

package evloop

import (
	"math/rand/v2"
	"testing"
)

func TestReadyQueueAgainstSlice(t *testing.T) {
	var q readyQueue
	var model []readyItem
	for i := range int32(20_000) {
		if rand.IntN(5) < 3 {
			it := readyItem{fd: i, gen: uint32(i)}
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

func TestRecordsDoNotMove(t *testing.T) {
	var table records
	held := map[int32]*record{}
	for i := range 5000 {
		if rand.IntN(3) > 0 {
			n := table.take()
			if held[n] != nil {
				t.Fatalf("record %d is given twice", n)
			}
			r := table.at(n)
			if r.conn != nil || r.kept != nil || r.guest != nil {
				t.Fatalf("record %d is not clean", n)
			}
			r.kept = i
			held[n] = r
			continue
		}
		for n, r := range held {
			if table.at(n) != r || r.kept == nil {
				t.Fatalf("record %d has moved", n)
			}
			table.put(n)
			delete(held, n)
			break
		}
	}
	if table.used != len(held) {
		t.Errorf("%d in use, want %d", table.used, len(held))
	}
}

func TestPoolTrimsWhatNobodyNeeded(t *testing.T) {
	r := run(t, &script{}, Config{})
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
		if got, want := before-pool.n, (before-spareWorkers+7)/8; got != want {
			t.Errorf("%d ended, want an eighth: %d", got, want)
		}
		for range 100 {
			pool.trim(l)
		}
		if pool.n != spareWorkers || l.workers.Load() != spareWorkers+1 {
			t.Errorf("%d rest of %d, want %d", pool.n, l.workers.Load(), spareWorkers)
		}
	})
}
