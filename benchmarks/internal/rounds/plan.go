package rounds

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Plan is what is to be measured.
type Plan struct {
	Cases   []workload.Case
	Entries []Entry
	Rounds  int // at least 1
	Bed     workload.Bed
	Trace   bool // count system calls, where a case can
	// requests a second of the cases that have a pace; 0: half of what their slowest contender
	// answers
	Rate float64
	Log  io.Writer // progress, a line for each step
}

// Entry is a contender that is ready to be started.
type Entry struct {
	Contender contender.Contender
	Program   contender.Program
}

// Results are what came of a plan, in the order in which it was measured.
type Results struct {
	Records     []Record `json:"records"`
	Traces      []Trace  `json:"traces"`
	Paces       []Pace   `json:"paces,omitempty"`
	Notes       []Note   `json:"notes"`
	Interrupted bool     `json:"interrupted"` // not all of the plan was done
}

// Record is one measurement of a contender in a case.
type Record struct {
	Case      string          `json:"case"`
	Contender string          `json:"contender"`
	Round     int             `json:"round"` // from 1
	At        time.Time       `json:"at"`
	Sample    workload.Sample `json:"sample"`
}

// Trace has the system calls of a contender in a case, for a request, by name.
type Trace struct {
	Case      string             `json:"case"`
	Contender string             `json:"contender"`
	Calls     map[string]float64 `json:"calls"`
}

// Total is the sum over all names.
func (t Trace) Total() float64 {
	total := 0.0
	for _, n := range t.Calls {
		total += n
	}
	return total
}

// Note says why figures are missing.
type Note struct {
	Case      string `json:"case"`
	Contender string `json:"contender"`
	Text      string `json:"text"`
}

// run is a plan under way.
type run struct {
	Plan
	results  Results
	out      map[string]bool // contenders that are left out of the current case
	rate     float64         // of the current case
	paces    map[string]Pace // by their keys
	progress progress
}

// Run does the plan, or as much of it as ctx allows.
func (p Plan) Run(ctx context.Context) Results {
	r := &run{
		Plan: p, paces: map[string]Pace{},
		progress: progress{out: p.Log, total: p.steps(), began: time.Now()},
	}
	for _, c := range p.Cases {
		r.measureCase(ctx, c)
	}
	r.results.Interrupted = ctx.Err() != nil
	return r.results
}

// steps is how many measurements and traces the plan has.
func (p Plan) steps() int {
	n := 0
	paced := map[string]bool{}
	for _, c := range p.Cases {
		each := p.Rounds
		if p.traces(c) {
			each++
		}
		if c.Pace != nil && p.Rate == 0 && !paced[c.Pace.Key] {
			paced[c.Pace.Key] = true
			each++
		}
		n += each * len(p.serving(c))
	}
	return n
}

// Absent are the names of the contenders that take no part in a case, because they do not have its
// feature.
func (p Plan) Absent(c workload.Case) []string {
	var names []string
	for _, e := range p.Entries {
		if (c.Only == nil || slices.Contains(c.Only, e.Contender.Name)) &&
			!e.Contender.Serves(c.Feature) {
			names = append(names, e.Contender.Name)
		}
	}
	return names
}

func (p Plan) traces(c workload.Case) bool { return p.Trace && c.Trace != nil }

// serving are the contenders of a case that have its feature.
func (p Plan) serving(c workload.Case) []Entry {
	var entries []Entry
	for _, e := range p.Entries {
		if (c.Only == nil || slices.Contains(c.Only, e.Contender.Name)) &&
			e.Contender.Serves(c.Feature) {
			entries = append(entries, e)
		}
	}
	return entries
}

func (r *run) measureCase(ctx context.Context, c workload.Case) {
	entries := r.serving(c)
	r.out = map[string]bool{}
	r.rate = 0
	if c.Pace != nil {
		if r.rate = r.findRate(ctx, c, entries); r.rate == 0 {
			return // nobody could be saturated, which is noted
		}
	}
	for round := range r.Rounds {
		for i := range entries {
			r.step(ctx, c, entries[(round+i)%len(entries)], fmt.Sprintf("round %d", round+1),
				func(s workload.Subject) (string, error) {
					return r.measure(ctx, c, s, round+1)
				})
		}
	}
	if !r.traces(c) {
		return
	}
	for _, e := range entries {
		r.step(ctx, c, e, "strace", func(s workload.Subject) (string, error) {
			return r.trace(ctx, c, s)
		})
	}
}

// step does one step of a contender that is still in, and tells how that went.
func (r *run) step(ctx context.Context, c workload.Case, e Entry, what string,
	do func(workload.Subject) (string, error)) {
	name := e.Contender.Name
	if ctx.Err() != nil {
		return
	}
	if r.out[name] {
		r.progress.skip()
		return
	}
	outcome, err := do(workload.Subject{Program: e.Program, Bed: r.Bed, Rate: r.rate})
	if ctx.Err() != nil {
		return // whatever failed, failed because of that
	}
	if err != nil {
		r.out[name] = true
		r.results.Notes = append(r.results.Notes, Note{c.Name, name, what + ": " + err.Error()})
		outcome = "left out: " + err.Error()
	}
	r.progress.done(fmt.Sprintf("%s, %s, %s: %s", c.Name, what, name, outcome))
}

func (r *run) measure(
	ctx context.Context, c workload.Case, s workload.Subject, round int,
) (string, error) {
	at := time.Now()
	sample, err := c.Measure(ctx, s)
	if err != nil {
		return "", err
	}
	r.results.Records = append(r.results.Records,
		Record{Case: c.Name, Contender: s.Program.Name, Round: round, At: at, Sample: sample})
	if sample.Invalid != "" {
		return "invalid: " + sample.Invalid, nil
	}
	m := c.Metrics[0]
	return fmt.Sprintf("%.*f %s", m.Digits, sample.Values[m.Key], m.Title), nil
}

func (r *run) trace(ctx context.Context, c workload.Case, s workload.Subject) (string, error) {
	calls, err := c.Trace(ctx, s)
	if err != nil {
		return "", err
	}
	t := Trace{Case: c.Name, Contender: s.Program.Name, Calls: calls}
	r.results.Traces = append(r.results.Traces, t)
	return fmt.Sprintf("%.2f %s", t.Total(), workload.Syscalls.Title), nil
}
