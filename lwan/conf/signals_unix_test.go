//go:build unix

package conf

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
)

// TestHangup: SIGHUP reads certificates again, and logs what is wrong with them.
func TestHangup(t *testing.T) {
	checkReload(t, func(s *Server) error {
		var lines bytes.Buffer
		before := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
		s.signalled(syscall.SIGHUP, nil)
		slog.SetDefault(before)
		if strings.Contains(lines.String(), "the last good certificates stay in use") {
			return errors.New(lines.String())
		}
		return nil
	})
}
