//go:build !race

package handlers

import (
	"io"
	"testing"
)

// TestGzipBodyAllocations: a body that is compressed allocates the filter itself and nothing that
// grows with it. Not under the race detector, under which pools drop values.
func TestGzipBodyAllocations(t *testing.T) {
	z := newCompressor(CompressConfig{})
	text := make([]byte, 16<<10)
	for i := range text {
		text[i] = byte(i * i >> 3)
	}
	n := testing.AllocsPerRun(100, func() {
		b := z.newBody(nil, io.Discard, 500) // an error is compressed where it is
		for range 2 {
			if _, err := b.Write(text); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if n >= 2 {
		t.Errorf("%v allocations", n)
	}
}
