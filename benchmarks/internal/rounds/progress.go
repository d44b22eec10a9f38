package rounds

import (
	"fmt"
	"io"
	"time"
)

// progress tells how far a plan is, and how long the rest may take.
type progress struct {
	out   io.Writer // nil: silent
	total int
	steps int // done or skipped
	began time.Time
}

// done notes a step and writes its line.
func (p *progress) done(line string) {
	p.steps++
	if p.out == nil {
		return
	}
	// A terminal that does not take the line is no reason to stop measuring.
	fmt.Fprintf(p.out, "[%*d/%d] %s%s\n",
		len(fmt.Sprint(p.total)), p.steps, p.total, line, p.remaining())
}

// skip notes a step that is not needed any more.
func (p *progress) skip() { p.steps++ }

// remaining assumes that the steps to come take as long as those that were done.
func (p *progress) remaining() string {
	left := time.Since(p.began) / time.Duration(p.steps) * time.Duration(p.total-p.steps)
	if left < time.Second {
		return ""
	}
	return fmt.Sprintf(" (about %v left)", left.Round(time.Second))
}
