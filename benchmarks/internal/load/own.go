package load

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// DriveCommand is the argument that makes the benchmark's own binary read a Job from its standard
// input, do it, and write the Result to its standard output, both as JSON.
const DriveCommand = "drive"

// own is the generator of this module; see package drive.
func own() Generator {
	return Generator{Name: "own", can: canAll, command: ownCommand, parse: parseOwn}
}

func ownCommand(job Job) (proc.Command, error) {
	binary, err := os.Executable()
	if err != nil {
		return proc.Command{}, err
	}
	input, err := json.Marshal(job)
	if err != nil {
		return proc.Command{}, err
	}
	return proc.Command{Args: []string{binary, DriveCommand}, Stdin: string(input)}, nil
}

func parseOwn(output []byte) (Result, error) {
	var r Result
	if err := json.Unmarshal(output, &r); err != nil {
		return Result{}, fmt.Errorf("%w in %.200q", err, output)
	}
	return r, nil
}
