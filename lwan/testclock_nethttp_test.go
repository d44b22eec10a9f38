//go:build !linux || golwan_nethttp

package lwan

import (
	"testing"
	"time"
)

// testClock is for loops, of which there are none: the time of net/http's server passes by itself.
type testClock struct{}

func stopTime(*Server) testClock { return testClock{} }

func (testClock) rush(testing.TB) {}

func (testClock) advance(time.Duration) {}
