package buffer

import (
	"fmt"
	"testing"
)

// TestLargeIsNotKept: a buffer that has grown past the bound does not come back, one within it may.
func TestLargeIsNotKept(t *testing.T) {
	for range 1000 {
		b := Get()
		if len(b.B) != 0 || cap(b.B) > MaxKept {
			t.Fatalf("lent with %d bytes of %d", len(b.B), cap(b.B))
		}
		b.Write(make([]byte, MaxKept+1))
		Put(b)
	}
}

// TestNoAllocations: lending and giving back costs nothing.
func TestNoAllocations(t *testing.T) {
	text := []byte("a page")
	warm := Get()
	warm.Write(make([]byte, 100))
	Put(warm)
	n := testing.AllocsPerRun(1000, func() {
		b := Get()
		b.Write(text)
		Put(b)
	})
	if n > 1 { // the collector may empty the pool, and the race detector makes it forget
		t.Errorf("%v allocations", n)
	}
}

func Example() {
	b := Get()
	defer Put(b)
	fmt.Fprintf(b, "%d bytes", 7)
	fmt.Println(b.String())
	// Output: 7 bytes
}
