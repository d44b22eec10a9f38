package report_test

import (
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/tuning"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

func TestPublish(t *testing.T) {
	const page = "# Page\n<!-- begin results -->\nold\n<!-- end results -->\nmiddle\n<!-- begin " +
		"targets -->\n<!-- end targets -->\nend\n"
	r := sample()
	got, err := r.Publish([]byte(page))
	text := string(got)
	if err != nil || strings.Contains(text, "old") ||
		!strings.HasPrefix(text, "# Page\n<!-- begin results -->\n\nMeasured on 2026-01-31") ||
		!strings.Contains(text, "\n### hello-64\n") ||
		!strings.HasSuffix(text, "<!-- begin targets -->\n<!-- end targets -->\nend\n") {
		t.Errorf("%v\n%s", err, text)
	}
	if again, err := r.Publish(got); err != nil || string(again) != text {
		t.Errorf("another one each time: %v\n%s", err, again)
	}
	r.Targets = target.Judge(r.Results.Records)
	if got, err = r.Publish([]byte(page)); err != nil || !strings.Contains(string(got), "held") ||
		strings.Contains(string(got), "### hello-64") || !strings.Contains(string(got), "old") {
		t.Errorf("%v\n%s", err, got)
	}
	for _, bad := range []string{
		"", "<!-- begin targets -->\n", "<!-- end targets -->\n<!-- begin targets -->\n",
	} {
		if _, err := r.Publish([]byte(bad)); err == nil {
			t.Errorf("%q has a place", bad)
		}
	}
}

func TestTuning(t *testing.T) {
	r := sample()
	r.Cases[0].Name = "x.hello-64"
	r.Results = rounds.Results{}
	for _, who := range []string{"golwan", "free", "cpu"} {
		one := record(who, 1, 10, 1)
		one.Case = "x.hello-64"
		r.Results.Records = append(r.Results.Records, one)
	}
	r.Results.Records[1].Sample.Values[workload.CPU.Key] = 12
	r.Results.Records[2].Sample.Invalid = "errors"
	r.Tuning = []tuning.Setting{{Name: "Server.Threads", Default: "pinned",
		Cases: []string{"x.hello-64", "x.unmeasured"},
		Variants: []tuning.Variant{{Contender: "free", Value: "free"},
			{Contender: "cpu", Value: "to a CPU"}, {Contender: "none", Value: "none"}}}}
	text := r.Markdown()
	for _, want := range []string{
		"## Server.Threads\n",
		"| value            | hello-64, CPU µs/req |       to default |",
		"| pinned (default) |  10.00 (10.00–10.00) |                1 |",
		"| free             |  12.00 (12.00–12.00) | 1.20 (1.20–1.20) |",
		"| to a CPU         |      invalid: errors |",
		"| none             |                      |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "## x.hello-64") || r.Kind() != "tuning" ||
		sample().Kind() != "results" {
		t.Error(text)
	}
}
