//go:build linux

package loop

// Gate is where tasks wait for something: for bytes of a connection, for room, for a turn to write.
// Several may wait at one gate, and one task at several gates, each time with a link of its own. It
// is touched on the loop only. The zero value is ready; a gate must not be copied, and what holds
// it opens it before it goes.
type Gate struct{ first *link }

// maxGates is how many gates one wait may have: two connections, both ways.
const maxGates = 4

// link is a task's place at a gate.
type link struct {
	t    *Task
	gate *Gate
	next *link
}

// join makes k the place of t at g.
func (g *Gate) join(k *link, t *Task) {
	t.w.loop.MustOwn()
	*k, g.first = link{t, g, g.first}, k
}

// part gives the place up, unless the gate has opened.
func (k *link) part() {
	if k.gate == nil {
		return
	}
	for at := &k.gate.first; *at != nil; at = &(*at).next {
		if *at == k {
			*at = k.next
			break
		}
	}
	*k = link{}
}

// Open lets all that wait at g go on.
func (g *Gate) Open() {
	for k := g.first; k != nil; k = g.first {
		t := k.t
		t.w.loop.MustOwn()
		g.first = k.next
		*k = link{}
		t.w.loop.wake(waiter{t.w, t.tick})
	}
}
