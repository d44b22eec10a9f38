package contender

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// installed finds a program of the distribution and the first line of its version. Servers are
// often in a folder that only root has in the PATH.
func installed(ctx context.Context, name, versionFlag string) (binary, version string, err error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if binary, err = exec.LookPath(candidate); err == nil {
			break
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", name, ErrMissing)
	}
	// Some write their version to the standard error.
	output, err := exec.CommandContext(ctx, binary, versionFlag).CombinedOutput()
	if err != nil {
		return "", "", fmt.Errorf("%s %s: %w: %s", name, versionFlag, err, output)
	}
	version, _, _ = strings.Cut(strings.TrimSpace(string(output)), "\n")
	return binary, version, nil
}
