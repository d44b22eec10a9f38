package lwantest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// family is the goroutines that descend from one, or from several of a test. They bear a profiler label, which a
// goroutine and a coroutine inherit from the one that starts it, so that tests that run in parallel are told apart.
type family struct {
	id       string
	forgiven atomic.Bool
}

const labelName = "lwantest"

var families struct {
	n      atomic.Int64
	byTest sync.Map // of testing.TB to *family: those that handlers in memory start
}

func newFamily() *family { return &family{id: strconv.FormatInt(families.n.Add(1), 10)} }

// familyOf is what handlers of t start in memory. Whether they have ended is looked at once, at the end of the test: a
// handler may leave work to a goroutine that ends a little later.
func familyOf(t testing.TB) *family {
	if f, ok := families.byTest.Load(t); ok {
		return f.(*family)
	}
	f := newFamily()
	if other, ok := families.byTest.LoadOrStore(t, f); ok {
		return other.(*family)
	}
	t.Cleanup(func() {
		families.byTest.Delete(t)
		if stacks := f.extinct(); len(stacks) > 0 && !f.forgiven.Load() {
			t.Errorf("lwantest: goroutines that a handler has started still run:\n\n%s", strings.Join(stacks, "\n"))
		}
	})
	return f
}

// mark returns ctx with the label, for pprof.SetGoroutineLabels.
func (f *family) mark(ctx context.Context) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels(labelName, f.id))
}

// forgive makes the end of the test not look at f.
func (f *family) forgive() { f.forgiven.Store(true) }

// patience is how long what was told to end may take for it.
const patience = 5 * time.Second

// extinct waits until nobody is left, and returns the stacks of those that stay.
func (f *family) extinct() (stacks []string) {
	await(patience, func() bool {
		stacks = f.alive()
		return len(stacks) == 0
	})
	return stacks
}

// await asks done, once at least, until it is true or patience is over.
func await(patience time.Duration, done func() bool) bool {
	until := time.Now().Add(patience)
	for pause := 100 * time.Microsecond; !done(); pause = min(2*pause, 50*time.Millisecond) {
		if !time.Now().Before(until) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}

// alive lists the stacks of the family's goroutines.
func (f *family) alive() (stacks []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return []string{fmt.Sprintf("the goroutines cannot be listed: %v", err)}
	}
	label := strconv.Quote(labelName) + ":" + strconv.Quote(f.id)
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		_, labels, _ := strings.Cut(stack, "\n# labels: ")
		labels, _, _ = strings.Cut(labels, "\n")
		if strings.Contains(labels, label) && !pooled(stack) {
			stacks = append(stacks, stack+"\n")
		}
	}
	return stacks
}

// pooled reports whether a goroutine belongs to something that is kept for others to use and ends by itself: a client's
// open connection, a database's, or a resting goroutine of the server's own pool.
func pooled(stack string) bool {
	for _, of := range []string{"\tnet/http.(*persistConn).", "\tnet/http.(*http2", "\tdatabase/sql.(*DB).", "lwan.(*goroutines).next+"} {
		if strings.Contains(stack, of) {
			return true
		}
	}
	return false
}
