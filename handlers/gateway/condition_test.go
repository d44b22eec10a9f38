package gateway

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func TestConditionPacks(t *testing.T) {
	for range 10000 {
		c := condition{
			state: State(rand.IntN(3)), held: reason(rand.IntN(16)),
			fails: rand.IntN(mostFails + 1), doubled: rand.IntN(mostDoubled + 1),
			until: rand.Int64N(1 << 40),
		}
		if got := unpack(c.pack()); got != c {
			t.Fatalf("packed %+v, unpacked %+v", c, got)
		}
	}
	if got := unpack(condition{fails: mostFails + 5, doubled: mostDoubled + 5}.pack()); got !=
		(condition{fails: mostFails, doubled: mostDoubled}) {
		t.Errorf("counts that are too large: %+v", got)
	}
}

var strict = policy{maxFails: 2, failTime: 10_000, rest: 1000, restMost: 4000}

// TestConditionStates walks through all transitions, with a clock of its own.
func TestConditionStates(t *testing.T) {
	var w word
	now := int64(1000)
	expect := func(want State) {
		t.Helper()
		if got := w.load().shown(); got != want {
			t.Fatalf("at %d it is %v, want %v", now, got, want)
		}
	}
	fail := func(trial, rests bool) {
		t.Helper()
		if got := w.fail(now, trial, &strict); got != rests {
			t.Fatalf("at %d fail(%v) = %v", now, trial, got)
		}
	}
	admit := func(trial, ok bool) {
		t.Helper()
		if gotTrial, gotOK := w.admit(now); gotTrial != trial || gotOK != ok {
			t.Fatalf("at %d admit() = %v, %v", now, gotTrial, gotOK)
		}
	}
	expect(Up)
	admit(false, true)
	fail(false, false)
	now += strict.failTime // the window is over: this is the first failure of another one
	fail(false, false)
	expect(Up)
	fail(false, true)
	expect(Resting)
	admit(false, false)
	fail(false, false) // of a request from before
	for _, rest := range []int64{1000, 2000, 4000, 4000} {
		now += rest - 1
		admit(false, false)
		now++
		admit(true, true)
		expect(Trial)
		admit(false, false)
		fail(false, false) // of a request from before: the trial goes on
		expect(Trial)
		fail(true, true)
		expect(Resting)
	}
	now += 4000
	admit(true, true)
	w.abandon(now)
	expect(Resting)
	admit(true, true)
	w.succeed(now)
	expect(Up)
	if w.risen.Load() != now || w.since.Load() != now {
		t.Errorf("risen %d, since %d, now %d", w.risen.Load(), w.since.Load(), now)
	}
	w.succeed(now) // of a request from before
	fail(false, false)
	fail(false, true)
	now += 999
	admit(false, false) // the doubling is forgotten, the rest is not
	now++
	admit(true, true)
	if !w.hold(now, byHealth) || w.hold(now, byHealth) || !w.hold(now, byHand) {
		t.Fatal("hold")
	}
	expect(Down)
	admit(false, false)
	fail(true, true) // also while it is down
	w.lift(now, byHealth)
	expect(Down)
	if !w.lift(now, byHand) || w.lift(now, byHand) {
		t.Fatal("lift")
	}
	expect(Up)
	w.hold(now, departed)
	w.hold(now, byHand)
	expect(Leaving)
	admit(false, false)
}

// TestLoneMember shows that one with no limit of failures never rests.
func TestLoneMember(t *testing.T) {
	var w word
	lone := strict
	lone.maxFails = 0
	for range 100 {
		if w.fail(1, false, &lone) {
			t.Fatal("it rests")
		}
	}
	if _, ok := w.admit(1); !ok {
		t.Error("not admitted")
	}
}

// TestOneTrial lets many goroutines ask for a member whose rest is over: one of them gets it.
func TestOneTrial(t *testing.T) {
	var w word
	for round := range 1000 {
		now := int64(round+1) * 100_000
		w.fail(now, false, &strict)
		w.fail(now, false, &strict)
		now += strict.rest
		var trials, others atomic.Int32
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				switch trial, ok := w.admit(now); {
				case trial && ok:
					trials.Add(1)
				case ok:
					others.Add(1)
				}
			})
		}
		group.Wait()
		if trials.Load() != 1 || others.Load() != 0 {
			t.Fatalf("%d trials, %d others", trials.Load(), others.Load())
		}
		w.succeed(now)
	}
}
