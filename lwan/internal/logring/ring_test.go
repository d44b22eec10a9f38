package logring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a log that blocks until it is opened. It keeps the messages.
type gate struct {
	open chan struct{}
	here chan struct{} // has a value once somebody has come
	mu   sync.Mutex
	got  []string
	fail func(msg string)
}

func newGate() *gate { return &gate{open: make(chan struct{}), here: make(chan struct{}, 1)} }

func (g *gate) Enabled(context.Context, slog.Level) bool { return true }
func (g *gate) WithAttrs([]slog.Attr) slog.Handler       { return g }
func (g *gate) WithGroup(string) slog.Handler            { return g }

func (g *gate) Handle(_ context.Context, r slog.Record) error {
	select {
	case g.here <- struct{}{}:
	default:
	}
	<-g.open
	if g.fail != nil {
		g.fail(r.Message)
	}
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, line)
	return nil
}

// clear forgets the lines.
func (g *gate) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = nil
}

func (g *gate) lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.got...)
}

func TestRingNeverWaits(t *testing.T) {
	g := newGate()
	var r Ring
	r.Start()
	log := slog.New(r.Handler(g))
	const n = 3 * Size
	for i := range n {
		if log.Info(fmt.Sprint(i)); i == 0 {
			<-g.here // it is with the log, and the others are not
		}
	}
	lost := r.Lost()
	if taken := n - lost; taken != Size+1 {
		t.Errorf("%d of %d were taken", taken, n)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Flush(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush of a log that blocks: %v", err)
	}
	close(g.open)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := g.lines()
	told := 0
	for i, line := range got {
		if strings.Contains(line, "records were lost") {
			told++
			if want := fmt.Sprint("lost=", lost); !strings.Contains(line, want) {
				t.Errorf("%q, want %s", line, want)
			}
			continue
		}
		if line != fmt.Sprint(i-told) {
			t.Fatalf("record %d is %q", i-told, line)
		}
	}
	if told != 1 || int64(len(got)) != n-lost+1 {
		t.Errorf("%d records, losses told %d times", len(got), told)
	}
	log.Info("again")
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := g.lines(); got[len(got)-1] != "again" {
		t.Errorf("at the end %q", got[len(got)-1])
	}
}

// TestRingBeforeStart: whoever logs waits, as without a ring.
func TestRingBeforeStart(t *testing.T) {
	g := newGate()
	close(g.open)
	var r Ring
	slog.New(r.Handler(g)).Info("now")
	if got := g.lines(); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestRingSurvives: a log that panics, or ends its goroutine, loses its record and nothing else.
func TestRingSurvives(t *testing.T) {
	g := newGate()
	close(g.open)
	g.fail = func(msg string) {
		switch msg {
		case "panic":
			panic("of the log")
		case "goexit":
			runtime.Goexit()
		}
	}
	var r Ring
	r.Start()
	log := slog.New(r.Handler(g))
	for _, msg := range []string{"a", "panic", "b", "goexit", "c"} {
		log.Info(msg)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(g.lines(), " "); got != "a b c" || r.Lost() != 2 {
		t.Errorf("%q, %d lost", got, r.Lost())
	}
}

// changing is an error whose text changes, and a value that stands for another one.
type changing struct{ text string }

func (c *changing) Error() string { return c.text }

type valuer struct{ c *changing }

func (v valuer) LogValue() slog.Value { return slog.StringValue(v.c.text) }

// TestRingFixesValues: what is logged is what it was when it was logged; errors stay what they are.
func TestRingFixesValues(t *testing.T) {
	g := newGate()
	var r Ring
	r.Start()
	c := &changing{"before"}
	slog.New(r.Handler(g)).Info("x", "err", error(c), "v", valuer{c},
		slog.Group("g", "err", error(c)))
	c.text = "after"
	close(g.open)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := g.lines()
	if len(got) != 1 || strings.Contains(got[0], "after") || strings.Count(got[0], "before") != 3 {
		t.Errorf("%q", got)
	}
	if err, ok := fixedValue(slog.AnyValue(c)).Any().(error); !ok || !errors.Is(err, c) {
		t.Error("the error is another one")
	}
	if _, ok := fixedValue(slog.AnyValue(error((*changing)(nil)))).Any().(error); !ok {
		t.Error("an error without a text is none")
	}
}

// TestRingWith: attributes and groups are those of the log.
func TestRingWith(t *testing.T) {
	var b bytes.Buffer
	var r Ring
	r.Start()
	log := slog.New(r.Handler(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn})))
	log.Info("not enabled")
	log.With("a", 1).WithGroup("g").Warn("m", "b", 2)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if !strings.HasSuffix(got, "level=WARN msg=m a=1 g.b=2\n") ||
		strings.Contains(got, "not enabled") {
		t.Errorf("%q", got)
	}
}

// TestRingOfMany: many log, and flush, at the same time.
func TestRingOfMany(t *testing.T) {
	g := newGate()
	close(g.open)
	var r Ring
	r.Start()
	log := slog.New(r.Handler(g))
	var all sync.WaitGroup
	const each = 2000
	for range 4 {
		all.Go(func() {
			for i := range each {
				log.Info("x")
				if i%100 == 0 {
					if err := r.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, line := range g.lines() {
		if line == "x" {
			n++
		}
	}
	if n+r.Lost() != 4*each {
		t.Errorf("%d written, %d lost", n, r.Lost())
	}
}

func TestRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		close(g.open)
		log := slog.New(g)
		r := Repeats{Log: log}
		want := func(lines ...string) {
			t.Helper()
			synctest.Wait()
			if got := g.lines(); strings.Join(got, "|") != strings.Join(lines, "|") {
				t.Fatalf("%q, want %q", got, lines)
			}
			g.clear()
		}
		say := func(key string, n int) {
			for i := range n {
				r.Say(log, key, slog.LevelError, key, "n", i)
			}
		}
		pass := func() { // what is due at the same instant as the sleep's end comes in any order
			time.Sleep(Every)
			synctest.Wait()
		}
		say("a", 100)
		say("b", 1)
		want("a n=0", "b n=0")
		pass()
		want("a n=99 times=99") // b did not happen again
		say("b", 1)             // so this is new
		want("b n=0")
		say("a", 3)
		want()
		pass()
		want("a n=2 times=3")
		pass()
		say("a", 2)
		want("a n=0")
		r.Close()
		want("a n=1 times=1")
		say("a", 2)
		want("a n=0", "a n=1")
	})
}
