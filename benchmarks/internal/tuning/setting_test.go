package tuning

import (
	"fmt"
	"slices"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

func Example() {
	s := All()[3]
	fmt.Println(s.Name, "is", s.Default, "and could be", s.Variants[0].Value)
	// Output: Endpoint.DeferAccept is off and could be 1 s
}

func TestSettingsFitTogether(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Contenders() {
		if names[c.Name] {
			t.Errorf("%s is there twice", c.Name)
		}
		names[c.Name] = true
	}
	seen := map[string]bool{}
	for _, c := range Cases() {
		if seen[c.Name] || c.Trace != nil || len(c.Only) < 2 || c.Only[0] != base {
			t.Errorf("%+v", c)
		}
		seen[c.Name] = true
		for _, name := range c.Only {
			if !names[name] {
				t.Errorf("%s: no contender %s", c.Name, name)
			}
		}
	}
	for _, s := range All() {
		for _, name := range s.Cases {
			if !seen[name] {
				t.Errorf("%s: no case %s", s.Name, name)
			}
		}
	}
	if c := longest(find("hello", 1)); c.Metrics[0] != workload.P99 ||
		slices.Index(c.Metrics[1:], workload.P99) >= 0 ||
		len(c.Metrics) != len(find("hello", 1).Metrics) {
		t.Errorf("%+v", c.Metrics)
	}
}

// TestVariantsServe starts each of them, so each flag is one that the program knows, and asks for
// what is measured.
func TestVariantsServe(t *testing.T) {
	files, bin := t.TempDir(), t.TempDir()
	if err := contract.WriteFiles(files); err != nil {
		t.Fatal(err)
	}
	for _, c := range Contenders() {
		program, err := c.Prepare(t.Context(), bin)
		if err != nil {
			t.Fatal(err)
		}
		server, err := program.Start(t.Context(), contender.Setup{Files: files})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for _, f := range []contract.Feature{
			contract.Allocate, contract.File4K, contract.File128K, contract.Offload,
		} {
			if _, err := server.Check(server.Requests(f), false); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}
}
