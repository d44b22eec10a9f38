package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// row is what an attack has done to a server.
type row struct {
	attack, server string
	outcome        string // what the attacker says
	probes         *probes
	before, after  int64 // resident memory
	cpu            time.Duration
	connections    int // at most, at a time
	peaks          peaks
	bar            bar
}

// verdict is an error if the server is golwan and has not repelled the attack.
func (r *row) verdict() error {
	if r.server != us {
		return nil
	}
	var failed []error
	for name, p := range map[string]*probed{"fresh": &r.probes.fresh, "kept": &r.probes.kept} {
		if err := p.err(); err != nil {
			failed = append(failed,
				fmt.Errorf("%s: probe on %s connections: %w", r.attack, name, err))
		}
	}
	if grown := r.peaks.resident - r.before; grown > r.bar.bytes {
		failed = append(failed,
			fmt.Errorf("%s: memory has grown by %.1f MiB, which is more than %s",
				r.attack, mib(grown), r.bar))
	}
	return errors.Join(failed...)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// writeTable prints the rows, those of an attack below each other.
func writeTable(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "attack\tserver\tfresh: answered/failed, p50 p99 max ms\tkept: the "+
		"same\tconns\tRSS MiB before\tpeak\tafter\tgrown\tgolwan may, because\tCPU s\tattacker")
	for _, r := range rows {
		may := ""
		if r.server == us {
			may = r.bar.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%.2f\t%s\n", r.attack,
			r.server, &r.probes.fresh, &r.probes.kept, r.connections, mib(r.before),
			mib(r.peaks.resident), mib(r.after), mib(r.peaks.resident-r.before), may,
			r.cpu.Seconds(), r.outcome)
	}
	return w.Flush()
}
