package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// TestMain fails the tests if goroutines are left behind. Failures that handlers of tests report go
// nowhere.
func TestMain(m *testing.M) {
	if kind := os.Getenv("GOLWAN_GATEWAY_CHILD"); kind != "" {
		beChild(kind)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	before := len(goroutines())
	code := m.Run()
	until := time.Now().Add(5 * time.Second)
	for ; len(goroutines()) > before; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			fmt.Fprintf(os.Stderr, "goroutines left behind, before there were %d:\n%s\n",
				before, strings.Join(goroutines(), "\n\n"))
			code = max(code, 1)
			break
		}
	}
	os.Exit(code)
}

// goroutines lists the stacks of all goroutines but those that rest in the server's pool for a
// while, and the one that hands out signals, which package testing starts when it fuzzes.
func goroutines() (stacks []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 2); err != nil {
		return []string{err.Error()}
	}
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if !strings.Contains(stack, "lwan.(*goroutines).next(") &&
			!strings.Contains(stack, "os/signal.loop(") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
