package lwan

import (
	"testing"
	"time"
)

// TestZeroBucket: one that NewBucket has not made bounds nothing, on any processor.
func TestZeroBucket(t *testing.T) {
	var b Bucket
	now := time.Now()
	for range 2 {
		if wait := b.take(1<<30, now); wait != 0 {
			t.Errorf("it waits for %v", wait)
		}
	}
}
