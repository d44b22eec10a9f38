package workload

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/drive"
	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

func Example() {
	w, _ := Find("hello")
	for _, c := range w.Cases(Options{Connections: []int{8, 64}}) {
		fmt.Println(c.Name+":", c.About)
	}
	// Output:
	// hello-8: GET / answered with "Hello, world!" on 8 connections
	// hello-64: GET / answered with "Hello, world!" on 64 connections
}

// TestMain lets this binary be the load generator of the tests.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == load.DriveCommand {
		if err := drive.Command(os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

func TestAll(t *testing.T) {
	cases := map[string]bool{}
	for _, w := range All() {
		if found, ok := Find(w.Name); !ok || found.About != w.About || w.About == "" {
			t.Errorf("%s is not found", w.Name)
		}
		for _, c := range w.Cases(Options{}) {
			if cases[c.Name] || c.About == "" || len(c.Metrics) == 0 ||
				contract.Requests(c.Feature) == nil || c.Measure == nil {
				t.Errorf("%s: %+v", w.Name, c)
			}
			if len(c.About) > 110 {
				t.Errorf("%s: %q does not fit a line of a plot", c.Name, c.About)
			}
			cases[c.Name] = true
		}
	}
	for _, name := range []string{
		"hello-1", "hello-64", "hello-512", "hello-4096", "pipelined-64",
		"json-64", "routes-64", "post-64", "reconnect-64", "idle-8000", "startup", "file-1k-64",
		"file-100k-64", "file-10m-4", "file-10m-64", "slowstreams-1000", "file-304-64",
		"file-gzip-64", "page-64", "browser-64", "mix-64", "mix-nowait-64", "openloop-hello-64",
		"openloop-mix-64", "loops-1", "loops-2", "postlarge-4", "blocking-1", "blocking-64",
		"scaling-64", "scaling-15000", "fanout-100", "fanout-8000", "slow-64", "stall-64",
		"streams-8000", "subscribers-8000",
	} {
		if !cases[name] {
			t.Errorf("no case %s", name)
		}
	}
	if _, ok := Find("teapot"); ok {
		t.Error("found what is not there")
	}
}

func TestValidate(t *testing.T) {
	good := load.Result{Requests: 10000, Bytes: 1300000, Took: time.Second}
	for name, c := range map[string]struct {
		change func(*load.Result)
		kinds  int
		valid  bool
	}{
		"good":           {func(*load.Result) {}, 1, true},
		"slightly short": {func(r *load.Result) { r.Bytes -= 20000 }, 1, true},
		"short":          {func(r *load.Result) { r.Bytes -= 50000 }, 1, false},
		"long":           {func(r *load.Result) { r.Bytes += 50000 }, 1, false},
		"a part of more": {func(r *load.Result) { r.Requests, r.Bytes = 1200, 1200*130+60*130 },
			1, true},
		"too much more": {func(r *load.Result) { r.Requests, r.Bytes = 1200, 1200*130+120*130 },
			1, false},
		"few":         {func(r *load.Result) { r.Requests = 100 }, 1, true},
		"few of each": {func(r *load.Result) { r.Bytes += 50000 }, 100, true},
		"none":        {func(r *load.Result) { r.Requests, r.Bytes = 0, 0 }, 1, false},
		"errors":      {func(r *load.Result) { r.Errors.Status = 1 }, 1, false},
	} {
		r := good
		c.change(&r)
		err := validate(r, 130, load.Job{
			Requests: make([]contract.Request, c.kinds), Connections: 64,
		})
		if (err == nil) != c.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValues(t *testing.T) {
	r := load.Result{
		Requests: 1000, Took: 2 * time.Second, Latency: load.Latency{P50: 1500 * time.Microsecond},
	}
	got := values(r, 10*time.Millisecond, 3<<20)
	want := map[Metric]float64{CPU: 10, Rate: 500, Busy: 0.005, P50: 1500, Resident: 3}
	for metric, value := range want {
		if math.Abs(got[metric.Key]-value) > 1e-9 {
			t.Errorf("%s: %v, want %v", metric.Key, got[metric.Key], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v has what was not measured", got)
	}
	if _, found := values(load.Result{}, time.Second, 0)[CPU.Key]; found {
		t.Error("CPU time for no requests")
	}
}

// subject is a contender of this module with a short, unpinned load of our own generator.
func subject(t *testing.T, name string) Subject {
	t.Helper()
	c, ok := contender.Find(name)
	if !ok {
		t.Fatal("no contender", name)
	}
	program, err := c.Prepare(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	generator, err := load.Choose("own", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := t.TempDir()
	if err := contract.WriteFiles(files); err != nil {
		t.Fatal(err)
	}
	return Subject{Program: program, Rate: 500,
		Bed: Bed{Files: files, Generator: generator, Duration: 200 * time.Millisecond,
			Warmup: 50 * time.Millisecond, ServerCPU: proc.AnyCPU, LoadCPU: proc.AnyCPU}}
}

// TestEveryCaseMeasures takes each workload in a small size through all that belongs to it.
func TestEveryCaseMeasures(t *testing.T) {
	s := subject(t, "nethttp")
	for _, w := range All() {
		for _, c := range w.Cases(Options{Connections: []int{4}, Idle: 20}) {
			sample, err := measurePatiently(t, c, s)
			unserved := errors.Is(err, ErrUnserved)
			if unserved != (c.Feature == contract.FileGzip) {
				t.Errorf("%s: %v", c.Name, err)
			} else if unserved {
				continue // net/http sends no compressed siblings
			}
			if err != nil || sample.Invalid != "" {
				t.Errorf("%s: %v, %s", c.Name, err, sample.Invalid)
				continue
			}
			for _, m := range c.Metrics {
				if _, found := sample.Values[m.Key]; !found && m != Syscalls {
					t.Errorf("%s: no value for %s", c.Name, m.Key)
				}
			}
			if !strings.Contains(sample.Server, "nethttp") {
				t.Errorf("%s: the server's command is %q", c.Name, sample.Server)
			}
		}
	}
}

// measurePatiently gives a busy machine more time, as long as it gets nothing done.
func measurePatiently(t *testing.T, c Case, s Subject) (Sample, error) {
	for {
		sample, err := c.Measure(t.Context(), s)
		if err != nil || !strings.Contains(sample.Invalid, errNothing.Error()) ||
			s.Bed.Duration > 10*time.Second {
			return sample, err
		}
		s.Bed.Duration *= 4
	}
}

func TestTrace(t *testing.T) {
	if !traceable() {
		t.Skip("strace is not installed")
	}
	c := mustCase(t, "hello")
	calls, err := c.Trace(t.Context(), subject(t, "floor"))
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(calls["recvfrom"]-1) > 0.1 || math.Abs(calls["sendto"]-1) > 0.1 {
		t.Errorf("the floor reads and writes once for a request, but %v", calls)
	}
}

func mustCase(t *testing.T, name string) Case {
	w, ok := Find(name)
	if !ok {
		t.Fatal("no workload", name)
	}
	return w.Cases(Options{Connections: []int{4}})[0]
}

func TestUnserved(t *testing.T) {
	s := subject(t, "floor")
	if _, err := mustCase(t, "json").Measure(t.Context(), s); !errors.Is(err, ErrUnserved) {
		t.Errorf("JSON from the floor: %v", err)
	}
}

func TestSaturate(t *testing.T) {
	s := subject(t, "floor")
	for _, c := range append(openLoop().Cases(Options{}), loops().Cases(Options{})...) {
		if c.Feature != contract.Hello {
			continue // the floor has nothing else
		}
		if rate, err := c.Pace.Saturate(t.Context(), s); err != nil || rate < 100 {
			t.Errorf("%s: %v, %v", c.Name, rate, err)
		}
	}
	s.Rate = 0
	if sample, err := openLoop().Cases(Options{})[0].Measure(t.Context(), s); err == nil {
		t.Errorf("measured without a rate: %+v", sample)
	}
}

func TestTooManyConnections(t *testing.T) {
	s := Subject{} // nothing is started
	w, _ := Find("hello")
	_, err := w.Cases(Options{Connections: []int{1 << 21}})[0].Measure(t.Context(), s)
	if err == nil {
		t.Error("no error under load")
	}
	w, _ = Find("idle")
	if _, err := w.Cases(Options{Idle: 1 << 21})[0].Measure(t.Context(), s); err == nil {
		t.Error("no error when idle")
	}
}

func TestCancelled(t *testing.T) {
	s := subject(t, "floor")
	s.Bed.Duration = time.Hour
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := mustCase(t, "hello").Measure(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("under load: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "golwan-bench-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
