//go:build !race

package handlers

import (
	"io"
	"testing"
)

// TestCodedBodyAllocations: a body that is compressed allocates the filter itself and nothing that
// grows with it. Not under the race detector, under which pools drop values.
func TestCodedBodyAllocations(t *testing.T) {
	z := newCompressing(CompressConfig{Compressors: -1})
	text := make([]byte, 16<<10)
	for i := range text {
		text[i] = byte(i * i >> 3)
	}
	for name, chosen := range z.codings {
		n := testing.AllocsPerRun(100, func() {
			b, err := z.newBody(nil, chosen, true)
			if err != nil {
				t.Fatal(err)
			}
			b.to = io.Discard
			for range 2 {
				if _, err := b.Write(text); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		})
		// brotli makes its trees of codes for each piece
		if n >= 2 && name != "br" || n > 60 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
