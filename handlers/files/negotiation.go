package files

import (
	"errors"
	"slices"

	"github.com/golwan/golwan/lwan"
)

// choose finds the representation that the client likes best (RFC 9110 section 12.5.3). nil: it
// takes none of them.
func (s *site) choose(req *lwan.Request, r *resource) (*representation, error) {
	if r.offers == 1<<identity {
		return r.plain, nil
	}
	for offers := r.offers; ; {
		c, ok := preferredCoding(req, offers)
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

// preferredCoding returns the coding of a set that the client likes best, of several the one that
// is usually smallest.
func preferredCoding(req *lwan.Request, offers uint8) (best coding, ok bool) {
	var names [codings]string
	n := 0
	for c := codings; c > 0; c-- {
		if offers&(1<<(c-1)) != 0 {
			names[n] = (c - 1).name()
			n++
		}
	}
	switch chosen := req.AcceptsEncoding(names[:n]...); chosen {
	case "":
		return 0, false
	default:
		return coding(slices.Index(codingNames[:], chosen)), true
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
