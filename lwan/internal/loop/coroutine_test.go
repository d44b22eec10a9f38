//go:build linux

package loop

import (
	"fmt"
	"iter"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// What the engine relies on of iter.Pull, so that a new version of Go cannot change it unseen.

// onLockedThread runs fn on a goroutine that is locked to its thread; the thread ends with it.
func onLockedThread(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		fn()
	}()
	<-done
}

func counter(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

func TestCoroutineOnALockedThread(t *testing.T) {
	onLockedThread(func() {
		next, stop := iter.Pull(counter)
		for want := range 1000 {
			if got, ok := next(); got != want || !ok {
				t.Errorf("%d, %v; want %d", got, ok, want)
			}
		}
		stop()
	})
}

// The trampoline makes all workers, but a worker ends others: pool.trim runs inside one.
func TestCoroutineIsStoppedByAnotherOne(t *testing.T) {
	onLockedThread(func() {
		returned := false
		next, stop := iter.Pull(func(yield func(int) bool) {
			counter(yield)
			returned = true
		})
		next()
		outer, end := iter.Pull(func(yield func(int) bool) {
			stop()
			yield(1)
		})
		defer end()
		if n, ok := outer(); n != 1 || !ok || !returned {
			t.Errorf("%d, %v, returned: %v", n, ok, returned)
		}
	})
}

func TestYieldAfterStopReturnsFalse(t *testing.T) {
	var after []bool
	next, stop := iter.Pull(func(yield func(int) bool) {
		for range 3 {
			after = append(after, yield(1))
		}
	})
	next()
	stop()
	if fmt.Sprint(after) != "[false false false]" {
		t.Errorf("yield after stop: %v", after)
	}
	if _, ok := next(); ok {
		t.Error("next after stop")
	}
}

func TestPanicInACoroutineReappearsInTheCaller(t *testing.T) {
	next, stop := iter.Pull(func(yield func(int) bool) {
		yield(1)
		panic("ouch")
	})
	defer stop()
	next()
	func() {
		defer func() {
			if v := recover(); v != "ouch" {
				t.Errorf("recovered %v", v)
			}
		}()
		next()
	}()
	if _, ok := next(); ok {
		t.Error("it goes on after a panic")
	}
}

// A Goexit in a coroutine ends the goroutine that called next, unless a deferred function of the
// coroutine panics: then it is this panic that next passes on.
func TestGoexitBecomesThePanicOfADefer(t *testing.T) {
	onLockedThread(func() {
		next, stop := iter.Pull(func(yield func(int) bool) {
			defer func() { panic(errUnclean) }()
			yield(1)
			runtime.Goexit()
		})
		defer stop()
		next()
		survived := func() (v any) {
			defer func() { v = recover() }()
			next()
			return nil
		}()
		if survived != errUnclean {
			t.Errorf("recovered %v", survived)
		}
	})
}

func TestGoexitWithoutItEndsTheCaller(t *testing.T) {
	var reached atomic.Bool
	onLockedThread(func() {
		next, _ := iter.Pull(func(yield func(int) bool) { runtime.Goexit() })
		next()
		reached.Store(true)
	})
	if reached.Load() {
		t.Error("the caller of next survived a Goexit: the sentinel is not needed any more")
	}
}

// A coroutine may yield while its deferred functions run, also under a Goexit: deferred functions
// of handlers may wait.
func TestDeferredFunctionsMayYield(t *testing.T) {
	for name, leave := range map[string]func(){
		"goexit": runtime.Goexit, "panic": func() { panic("ouch") },
	} {
		onLockedThread(func() {
			next, stop := iter.Pull(func(yield func(int) bool) {
				defer func() {
					v := recover()
					yield(3)
					_ = v
					panic(errUnclean)
				}()
				defer yield(2)
				yield(1)
				leave()
			})
			defer stop()
			for want := 1; want <= 3; want++ {
				if got, ok := next(); got != want || !ok {
					t.Errorf("%s: %d, %v; want %d", name, got, ok, want)
				}
			}
			defer func() {
				if v := recover(); v != errUnclean {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			next()
		})
	}
}

func coroutines() int64 {
	buf := make([]byte, 1<<20)
	return int64(strings.Count(string(buf[:runtime.Stack(buf, true)]), "loop.counter("))
}

func TestAbandonedCoroutinesAreNotCollected(t *testing.T) {
	const n = 50
	var stops []func()
	for range n {
		next, stop := iter.Pull(counter)
		next()
		stops = append(stops, stop)
	}
	abandoned := coroutines()
	for range 3 {
		runtime.GC()
	}
	if got := coroutines(); got != abandoned || got < n {
		t.Errorf("%d coroutines after a collection, %d before, %d made", got, abandoned, n)
	}
	for _, stop := range stops {
		stop()
	}
	eventually(t, "stop ends a coroutine", func() bool { return coroutines() == 0 })
}

// What the runtime does not allow ends the process: it is tried in another one.
func init() {
	children["resume on another thread"] = func() {
		var next func() (int, bool)
		onLockedThread(func() {
			next, _ = iter.Pull(counter)
			next()
			go onLockedThread(func() { next() })
			select {}
		})
	}
	children["resume on an unlocked goroutine"] = func() {
		onLockedThread(func() {
			next, _ := iter.Pull(counter)
			next()
			done := make(chan struct{})
			go func() { next(); close(done) }()
			<-done
		})
	}
	children["resume with another lock count"] = func() {
		onLockedThread(func() {
			next, _ := iter.Pull(counter)
			next()
			runtime.LockOSThread()
			next()
		})
	}
	children["create before locking"] = func() {
		next, _ := iter.Pull(counter)
		next()
		runtime.LockOSThread()
		next()
	}
	children["lock in the coroutine"] = func() {
		onLockedThread(func() {
			next, _ := iter.Pull(func(yield func(int) bool) {
				runtime.LockOSThread()
				yield(1)
			})
			next()
		})
	}
}

func TestWhatTheRuntimeRefuses(t *testing.T) {
	for _, name := range []string{
		"resume on another thread", "resume on an unlocked goroutine",
		"resume with another lock count",
		"create before locking", "lock in the coroutine",
	} {
		t.Run(name, func(t *testing.T) {
			out, err := child(t, name)
			_, died := err.(*exec.ExitError)
			if !died || !strings.Contains(out, "fatal error: coro: OS thread locking") {
				t.Errorf("%v\n%.500s", err, out)
			}
		})
	}
}
