package drive

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/golwan/golwan/benchmarks/internal/load"
)

// Command reads a job from in, does it, and writes the result to out, both as JSON: what a process
// does that was started with load.DriveCommand.
func Command(in io.Reader, out io.Writer) error {
	var job load.Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return fmt.Errorf("drive: reading the job: %w", err)
	}
	do := Run
	if job.Subscribers > 0 {
		do = FanOut
	}
	result, err := do(job)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}
