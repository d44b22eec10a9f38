package drive

import (
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// times are what a schedule has until then.
func times(rate float64, until time.Duration) []time.Duration {
	var all []time.Duration
	newSchedule(rate).due(until, func(at time.Duration) { all = append(all, at) })
	return all
}

func TestSchedule(t *testing.T) {
	for _, rate := range []float64{10, 1000, 300000} {
		const seconds = 100
		var all []time.Duration
		s := newSchedule(rate)
		for step := range seconds * 10 { // in steps, none of which may lose or repeat any
			s.due(time.Duration(step+1)*time.Second/10, func(at time.Duration) {
				all = append(all, at)
			})
		}
		if !slices.IsSorted(all) || !slices.Equal(all, times(rate, seconds*time.Second)) {
			t.Errorf("rate %v: not the same in steps", rate)
		}
		// The number varies by its root; four of them are never exceeded in a million runs, and
		// this is the same run.
		if n, want := float64(len(all)), rate*seconds; math.Abs(n-want) > 4*math.Sqrt(want) {
			t.Errorf("rate %v: %v requests in %d s", rate, n, seconds)
		}
		// Gaps longer than the mean are as many as an exponential distribution has: 1/e of all.
		long := 0
		for i := 1; i < len(all); i++ {
			if float64(all[i]-all[i-1]) > 1e9/rate {
				long++
			}
		}
		if share := float64(long) / float64(len(all)); math.Abs(share-1/math.E) > 0.05 {
			t.Errorf("rate %v: %v of the gaps are longer than the mean", rate, share)
		}
	}
}

func TestFifo(t *testing.T) {
	var q fifo[int]
	var model []int
	pushed := 0
	for round := range 300 {
		for range round * 7 % 61 {
			q.push(pushed)
			model = append(model, pushed)
			pushed++
		}
		for range min(round*5%67, len(model)) {
			if got := q.pop(); got != model[0] {
				t.Fatalf("%d, want %d", got, model[0])
			}
			model = model[1:]
		}
		if q.len() != len(model) {
			t.Fatalf("%d items, want %d", q.len(), len(model))
		}
	}
	for range 5000 { // the part of the queue that was used goes
		q.push(0)
		q.push(0)
		q.pop()
	}
	for q.len() > 1 {
		q.pop()
	}
	if cap(q.items) > 40000 {
		t.Errorf("kept room for %d", cap(q.items))
	}
}

func TestOpenLoop(t *testing.T) {
	for name, job := range map[string]load.Job{
		"sleeping": {Connections: 4, Rate: 3000},
		"spinning": {Connections: 1, Rate: 3000, Spin: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			job.Addr, job.Requests, job.Duration, job.Server = s.Listener.Addr().String(),
				contract.Requests(contract.Hello), 300*time.Millisecond, os.Getpid()
			r, err := Run(job)
			if err != nil || r.Errors.Err() != nil {
				t.Fatalf("%+v, %v", r, err)
			}
			want := int64(len(times(job.Rate, job.Duration)))
			if r.Requests != want || s.requests.Load() != want+int64(job.Connections) {
				t.Errorf("%d answers, %d requests served, %d on the schedule",
					r.Requests, s.requests.Load(), want)
			}
			if r.Took < job.Duration || r.Latency.P50 <= 0 || r.Latency.Max < r.Latency.P9999 ||
				s.conns.Load() != int64(job.Connections) {
				t.Errorf("%+v, %d connections", r, s.conns.Load())
			}
		})
	}
}

// TestOpenLoopSendsTheLastRequests: a load that did not get its CPU at the end of a run left out
// what was due then.
func TestOpenLoopSendsTheLastRequests(t *testing.T) {
	e := &engine{job: load.Job{Duration: time.Second}, pacer: &pacer{schedule: newSchedule(10)}}
	e.pacer.schedule.due(900*time.Millisecond, func(time.Duration) {})
	late := time.Second + time.Millisecond
	if e.pacer.schedule.next > time.Second || e.over(late) {
		t.Errorf("over with a request due at %v", e.pacer.schedule.next)
	}
	e.pacer.schedule.due(time.Second, e.pacer.waiting.push)
	if e.over(late) || !e.over(time.Second+overdue) {
		t.Error("an answer is waited for, until it is overdue")
	}
	e.pacer.waiting = fifo[time.Duration]{}
	if e.over(time.Second-1) || !e.over(late) {
		t.Error("with nothing owed a run ends after its duration")
	}
}

// TestOpenLoopOmitsNothing has a server stop for a while. A closed loop would have one slow request
// on each of the two connections, and a good median; here everything that was due meanwhile is
// slow.
func TestOpenLoopOmitsNothing(t *testing.T) {
	const stop = 200 * time.Millisecond
	var asked atomic.Int64
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if n := asked.Add(1); n == 3 { // the first of the schedule
			time.AfterFunc(stop, func() { close(released) })
		}
		if asked.Load() > 2 {
			<-released
		}
	}))
	defer server.Close()
	job := load.Job{Addr: server.Listener.Addr().String(),
		Requests: contract.Requests(contract.Hello), Connections: 2, Rate: 2000,
		Duration: stop, Server: os.Getpid()}
	r, err := Run(job)
	want := int64(len(times(job.Rate, job.Duration)))
	if err != nil || r.Errors.Err() != nil || r.Requests != want {
		t.Fatalf("%+v, %v, want %d", r, err, want)
	}
	// Half of the requests were due before half of the time, and had to wait for the other half at
	// least.
	if r.Latency.P50 < stop/3 {
		t.Errorf("%+v", r.Latency)
	}
}

func TestOpenLoopCountsWhatIsNeverAnswered(t *testing.T) {
	var asked atomic.Int64
	never := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if asked.Add(1) > 1 {
			<-never
		}
	}))
	defer server.Close()
	defer close(never)
	job := load.Job{Addr: server.Listener.Addr().String(),
		Requests: contract.Requests(contract.Hello), Connections: 1, Rate: 500,
		Duration: 100 * time.Millisecond, Server: os.Getpid()}
	r, err := Run(job)
	want := load.Errors{Timeout: int64(len(times(job.Rate, job.Duration)))}
	if err != nil || r.Errors != want || r.Requests != 0 || r.Latency.P50 < overdue {
		t.Errorf("%+v, %v, want %+v", r, err, want)
	}
}

// TestOpenLoopFollowsTheServersClose has a server that closes after every third answer.
func TestOpenLoopFollowsTheServersClose(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%3 == 0 {
			w.Header().Set("Connection", "close")
		}
	}))
	defer s.Close()
	job := load.Job{Addr: s.Listener.Addr().String(), Requests: contract.Requests(contract.Hello),
		Connections: 3, Rate: 1000, Duration: 200 * time.Millisecond, Server: os.Getpid()}
	r, err := Run(job)
	want := int64(len(times(job.Rate, job.Duration)))
	if err != nil || r.Errors.Err() != nil || r.Requests != want {
		t.Errorf("%+v, %v, want %d", r, err, want)
	}
}
