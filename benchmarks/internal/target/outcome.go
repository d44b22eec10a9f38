package target

import (
	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/stats"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Verdict says what became of a target.
type Verdict string

const (
	Held   Verdict = "held"
	Missed Verdict = "missed"
	// Unmeasured is the verdict when a contender did not take part, or its figures must not be
	// used.
	Unmeasured Verdict = "not measured"
)

// Outcome is a target with what was measured.
type Outcome struct {
	Target  Target        `json:"target"`
	Value   stats.Summary `json:"value"` // the figure, or the ratio
	Verdict Verdict       `json:"verdict"`
}

// Close reports whether single rounds would have had another verdict: then more of them are needed
// to be sure.
func (o Outcome) Close() bool {
	return o.Verdict != Unmeasured && o.Value.Min <= o.Target.Most && o.Value.Max > o.Target.Most
}

// Judge compares all targets with the records.
func Judge(records []rounds.Record) []Outcome {
	all := All()
	outcomes := make([]Outcome, len(all))
	for i, t := range all {
		outcomes[i] = judge(t, records)
	}
	return outcomes
}

func judge(t Target, records []rounds.Record) Outcome {
	o := Outcome{Target: t, Verdict: Unmeasured}
	of, usable := collect(t.Of, records)
	if !usable {
		return o
	}
	o.Value = summary(of)
	if t.Ratio() {
		to, usable := collect(t.To, records)
		if !usable {
			return Outcome{Target: t, Verdict: Unmeasured}
		}
		o.Value = stats.Divide(of, to)
	}
	o.Verdict = Missed
	if o.Value.Median <= t.Most {
		o.Verdict = Held
	}
	return o
}

// collect finds the figure of each round. It is of no use when there is none, when a round was
// invalid, or when a figure is 0 because the resolution was too coarse for it. Memory may really
// not have grown.
func collect(f Figure, records []rounds.Record) (byRound map[int]float64, usable bool) {
	byRound = map[int]float64{}
	for _, r := range records {
		if r.Case != f.Case || r.Contender != f.Contender {
			continue
		}
		v, found := r.Sample.Values[f.Metric.Key]
		coarse := v <= 0 && f.Metric != workload.PerConnection
		if !found || coarse || r.Sample.Invalid != "" {
			return nil, false
		}
		byRound[r.Round] = v
	}
	return byRound, len(byRound) > 0
}

func summary(byRound map[int]float64) stats.Summary {
	var values []float64
	for _, v := range byRound {
		values = append(values, v)
	}
	return stats.Summarize(values)
}
