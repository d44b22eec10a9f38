package ws

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// TestRandom: whatever happens in whatever order, the owner is told of the end once, and the client
// gets whole frames.
func TestRandom(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 3000 {
		w := begin(t, &testConfig, nil, "")
		w.resumes = r.IntN(2) == 0
		for n := 0; n < 60 && !w.over(); n++ {
			w.room += r.IntN(40)
			switch r.IntN(12) {
			case 0, 1, 2:
				w.send(masked(wsframe.Text, strings.Repeat("m", r.IntN(50))))
			case 3:
				w.send(masked(wsframe.Ping, "p"))
			case 4, 5:
				_ = w.s.Push(wsframe.Text, make([]byte, r.IntN(300))) // full or not
			case 6:
				w.pass(r.IntN(20))
			case 7:
				if w.s.paused {
					w.s.Resume()
				}
			case 8:
				if r.IntN(10) == 0 {
					w.s.Close(1000, "")
				}
			case 9:
				if r.IntN(10) == 0 {
					w.send(closeFrame(1000, ""))
				}
			case 10:
				if r.IntN(20) == 0 {
					w.s.Draining(w)
				}
			case 11:
				if r.IntN(20) == 0 {
					w.s.Ended(w, transport.ErrGone)
				}
			}
			w.turn()
		}
		if !w.over() {
			w.s.Ended(w, transport.ErrStopping)
		}
		w.turn()
		overs := 0
		for i, what := range w.got {
			if strings.HasPrefix(what, "over") {
				if overs++; i != len(w.got)-1 {
					t.Fatalf("seed %d: %q", seed, w.got)
				}
			}
		}
		if overs != 1 || len(w.ended) > 1 {
			t.Fatalf("seed %d: over %d times, ended %v", seed, overs, w.ended)
		}
		w.frames()
	}
}
