//go:build !race

// The race detector makes sync.Pool forget at random, so there is nothing to
// count with it.

package template

import (
	"io"
	"testing"
)

func TestAllocations(t *testing.T) {
	small := newListing(50)
	tests := []struct {
		name string
		run  func() error
		want float64
	}{
		{"struct", func() error { return listingTemplate.Render(io.Discard, small) }, 0},
		{"map", func() error { return mapTemplate.Render(io.Discard, mapListing) }, 0},
		{"recursive partial", func() error { return treeTemplate.Render(io.Discard, sampleTree) },
			0},
		{"page", func() error { return listingTemplate.With(small).RenderTo(io.Discard) }, 1},
	}
	for _, c := range tests {
		got := testing.AllocsPerRun(200, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		})
		if got > c.want {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.want)
		}
	}
}

var (
	listingTemplate = Must(Compile[listing]("listing", listingMustache, Set{}))
	mapTemplate     = Must(Compile[map[string]any]("listing", listingMustache, Set{}))
	mapListing      = listingMap(newListing(50))
	treeTemplate    = Must(Compile[*tree]("tree", "{{>node}}", Set{
		Partials: map[string]string{"node": "{{Label}}\n{{#Kids}}\n  {{>node}}\n{{/Kids}}\n"},
	}))
)
