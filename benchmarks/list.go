package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/tuning"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// list writes what there is to choose from.
func list(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Workloads:")
	for _, each := range workload.All() {
		fmt.Fprintf(w, "  %s\t%s\n", each.Name, each.About)
	}
	fmt.Fprintf(w, "  targets\twhat is needed to judge the %d targets, and a table of them\n",
		len(target.All()))
	fmt.Fprintf(w, "  tuning\t%d settings, each with other values beside its default\n",
		len(tuning.All()))
	fmt.Fprintln(w, "\nContenders:")
	for _, each := range contender.All() {
		fmt.Fprintf(w, "  %s\t%s\n", each.Name, each.About)
	}
	return w.Flush()
}
