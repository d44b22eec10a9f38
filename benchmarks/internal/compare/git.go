package compare

import (
	"context"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// git runs git in the repository and returns the first line that it prints.
func (c Comparison) git(ctx context.Context, args ...string) (string, error) {
	output, err := proc.Run(ctx, proc.Command{
		Args: append([]string{"git"}, args...), Dir: c.Repository, CPU: proc.AnyCPU,
	})
	line, _, _ := strings.Cut(string(output), "\n")
	return line, err
}
