package lwantest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// fakeT is a test whose failure is wanted: it remembers what a real one would say.
type fakeT struct {
	testing.TB
	failures []string
	cleanups []func()
}

func (f *fakeT) Helper()           {}
func (f *fakeT) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }

func (f *fakeT) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func (f *fakeT) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// run is the life of a test: body, which may end by Goexit, then the cleanups, last first.
func (f *fakeT) run(body func(t testing.TB)) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		body(f)
	}()
	<-ended
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
}

// mustFail fails t unless body fails exactly once, with all of words.
func mustFail(t *testing.T, body func(t testing.TB), words ...string) {
	t.Helper()
	f := &fakeT{TB: t}
	f.run(body)
	if len(f.failures) != 1 {
		t.Fatalf("%d failures: %q", len(f.failures), f.failures)
	}
	for _, w := range words {
		if !strings.Contains(f.failures[0], w) {
			t.Errorf("the failure does not name %q:\n%s", w, f.failures[0])
		}
	}
}
