package files

import (
	"errors"

	"github.com/golwan/golwan/lwan"
)

// choose finds the representation that the client likes best (RFC 9110 section 12.5.3). nil: it
// takes none of them.
func (s *site) choose(req *lwan.Request, r *resource) (*representation, error) {
	if r.offers == 1<<identity {
		return r.plain, nil
	}
	header := req.HeaderBytes("Accept-Encoding")
	if header == nil { // every coding is acceptable, and the one that needs no decoding the safest
		return r.plain, nil
	}
	w := parseWeights(header)
	for offers := r.offers; ; {
		c, ok := w.best(offers)
		if !ok {
			return nil, nil
		}
		p, err := s.form(req, r, c)
		if p != nil || err != nil {
			return p, err
		}
		offers &^= 1 << c // it is not smaller
	}
}

// form returns the representation in one coding; nil if there is none because it would not be
// smaller.
func (s *site) form(req *lwan.Request, r *resource, c coding) (*representation, error) {
	switch {
	case c == identity:
		return r.plain, nil
	case r.stored[c] != nil:
		return r.stored[c], nil
	}
	p := r.packed[c].Load()
	if p == nil {
		var err error
		if p, err = s.pack(req, r.plain.text, c); p == nil {
			return nil, err
		}
		r.packed[c].Store(p)
	}
	if p.size >= r.plain.size {
		return nil, nil
	}
	return p, nil
}

// pack lets a goroutine compress a content. If none is free, the content counts as one that cannot
// be compressed.
func (s *site) pack(req *lwan.Request, text string, c coding) (*representation, error) {
	key := packKey{c, text}
	ref, err := lookUp(req, s.packs.Get, key)
	if errors.Is(err, lwan.ErrBusy) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer ref.Release()
	return ref.Value(), nil
}

// weights are the preferences for content codings that an Accept-Encoding states, in thousandths.
type weights struct {
	of     [codings]uint16
	listed uint8  // set of codings that are named
	others uint16 // of "*"; only if starred
	star   bool
}

// parseWeights reads a list of codings. An element that is malformed is left out.
func parseWeights(list []byte) (w weights) {
	for len(list) > 0 {
		var name, params []byte
		name, params, list = nextElement(list)
		q, ok := weight(params)
		if !ok {
			continue
		}
		if string(name) == "*" {
			w.others, w.star = q, true
			continue
		}
		if c, known := codingNamed(name); known {
			w.of[c] = q
			w.listed |= 1 << c
		}
	}
	return w
}

// best returns the coding of a set with the highest weight, of several the one that is usually
// smallest.
func (w *weights) best(offers uint8) (best coding, ok bool) {
	highest := uint16(0)
	for c := range codings {
		if q := w.weight(c); offers&(1<<c) != 0 && q > 0 && q >= highest {
			best, highest, ok = c, q, true
		}
	}
	return best, ok
}

// weight is that of one coding. Identity is acceptable, but comes last, unless it or "*" is
// refused.
func (w *weights) weight(c coding) uint16 {
	switch {
	case w.listed&(1<<c) != 0:
		return w.of[c]
	case w.star:
		return w.others
	case c == identity:
		return 1
	}
	return 0
}

// codingNamed finds a coding by its name, in any case; x-gzip is an old one of gzip (RFC 9110
// section 8.4.1.3).
func codingNamed(name []byte) (coding, bool) {
	for c := range codings {
		if equalFold(name, codingNames[c]) {
			return c, true
		}
	}
	return gzip, equalFold(name, "x-gzip")
}
