package lwan

import (
	"strings"

	"github.com/golwan/golwan/lwan/internal/remains"
)

// pair is a name with its value, decoded. Both are views of a buffer, or of pairs.decoded: they
// never leave the package.
type pair struct{ name, value string }

// pairs is what a query, Cookie fields or a form's body hold, in order. It is made when it is first
// asked for, in one pass, and searched from its beginning: no map, so no client can flood it with
// colliding names. The zero value is empty. Its arrays are used again, for the next request.
type pairs struct {
	made    bool
	list    []pair
	decoded []byte // text of pairs that had escapes in them
}

// What a pairs may keep for the next request.
const (
	keptPairs   = 64
	keptDecoded = 4 << 10
)

// reset forgets everything but small arrays.
func (p *pairs) reset() {
	if !p.made {
		return
	}
	remains.Of(p.decoded[:cap(p.decoded)])
	clear(p.list) // they point into the request's buffer
	p.made, p.list, p.decoded = false, p.list[:0], p.decoded[:0]
	if cap(p.list) > keptPairs {
		p.list = nil
	}
	if cap(p.decoded) > keptDecoded {
		p.decoded = nil
	}
}

// find returns the value of the first pair of that name: a view, not a copy.
func (p *pairs) find(name string) (value string, ok bool) {
	for i := range p.list {
		if p.list[i].name == name {
			return p.list[i].value, true
		}
	}
	return "", false
}

// all returns copies of the values of all pairs of that name, in order; nil if there is none.
func (p *pairs) all(name string) (values []string) {
	for i := range p.list {
		if p.list[i].name == name {
			values = append(values, strings.Clone(p.list[i].value))
		}
	}
	return values
}
