package lwantest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// socketPath is a free path for a unix socket. T.TempDir would be too long with the test's name in
// it: the system takes 107 bytes.
func socketPath(t testing.TB) (string, error) {
	dir, err := os.MkdirTemp("", "lwantest")
	if err != nil {
		return "", fmt.Errorf("a directory for a unix socket: %w", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("lwantest: %v", err)
		}
	})
	return filepath.Join(dir, "s"), nil
}
