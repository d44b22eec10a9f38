package files

import (
	"context"

	"github.com/golwan/golwan/cache"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/buffer"
)

// format is the media type of a listing.
type format uint8

const (
	formatHTML format = iota
	formatJSON
)

var formatTypes = [...]string{"text/html; charset=utf-8", "application/json"}

// pageRows is the number of rows up to which a listing is rendered as a whole and kept. A longer
// one is rendered for each client, as fast as it reads.
const pageRows = 1000

// pageKey is a listing as it is shown: all that it depends on.
type pageKey struct {
	of     *directory
	order  order
	format format
}

// newPages makes the cache of rendered pages. A directory that is read again is another key, so no
// old page is sent for it.
func (s *site) newPages() *cache.Cache[pageKey, *resource] {
	return cache.New(cache.Config[pageKey, *resource]{
		TTL:      s.config.TTL,
		MaxBytes: s.config.MemoryBytes,
		Size: func(k pageKey, r *resource) int64 {
			return entryCost + r.bytes() + k.of.bytes()
		},
		Create: func(_ context.Context, k pageKey) (*resource, error) {
			b := buffer.Get()
			defer buffer.Put(b)
			err := s.writeListing(b, k)
			return s.page(k, inMemory(identity, b.String())), err
		},
	})
}

// page makes a resource of a listing.
func (s *site) page(k pageKey, p *representation) *resource {
	r := &resource{ctype: formatTypes[k.format], plain: p, offers: 1 << identity}
	s.setFreshness(r, k.of.name)
	s.offer(r, "Accept", p.size)
	return r
}

// listing answers with the list of a directory.
func (s *site) listing(req *lwan.Request, resp *lwan.Response, e *entry) lwan.Status {
	k := pageKey{of: e.directory, order: orderOf(req.Query("sort"), req.Query("order"))}
	req.Borrow(func() { k.format = preferredFormat(req.HeaderBytes("Accept")) })
	if len(k.of.rows) > pageRows {
		return s.streamListing(req, resp, k)
	}
	ref, ok := s.pages.Peek(k)
	if !ok {
		var err error
		ref, err = lookUp(req, s.pages.Get, k)
		if err != nil {
			return resp.Fail(err)
		}
	}
	defer ref.Release()
	return s.answer(req, resp, ref.Value())
}

// streamListing sends a listing that is never in memory as a whole. A goroutine renders it: that
// may hold a loop for too long, and waits for the client.
func (s *site) streamListing(req *lwan.Request, resp *lwan.Response, k pageKey) lwan.Status {
	tag := `"` + k.of.sum + "-" + string('a'+rune(k.order)) + string('a'+rune(k.format)) + `"`
	r := s.page(k, &representation{etag: tag})
	if st := (validators{tag, &r.dates}).precondition(req); st != 0 {
		if st == lwan.StatusNotModified {
			r.setFields(resp, r.plain, false)
		}
		return st
	}
	r.setFields(resp, r.plain, true)
	resp.SetContentType(r.ctype)
	return lwan.Blocking(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		err := resp.SendHead(lwan.StatusOK)
		if err == nil && req.Method() != "HEAD" {
			err = s.writeListing(onlyWriter{resp}, k)
		}
		if err != nil {
			return resp.Fail(err)
		}
		return lwan.StatusOK
	})(req, resp)
}

// preferredFormat chooses by a request's Accept (RFC 9110 section 12.5.1): HTML unless the client
// prefers JSON.
func preferredFormat(accept []byte) format {
	if weightOf(accept, "application", "json") > weightOf(accept, "text", "html") {
		return formatJSON
	}
	return formatHTML
}

// weightOf is the weight of a media type: that of the most specific range that it is in. Without a
// list all weigh the same.
func weightOf(accept []byte, kind, sub string) (q uint16) {
	specificity := 0
	for len(accept) > 0 {
		var media, params []byte
		media, params, accept = nextElement(accept)
		s := rangeSpecificity(media, kind, sub)
		if s <= specificity {
			continue
		}
		if w, ok := weight(params); ok {
			q, specificity = w, s
		}
	}
	return q
}

// rangeSpecificity is 3 for the type itself, 2 for kind/*, 1 for */* and 0 for what it is not in.
func rangeSpecificity(media []byte, kind, sub string) int {
	switch {
	case string(media) == "*/*":
		return 1
	case len(media) < len(kind)+2 || !equalFold(media[:len(kind)], kind) || media[len(kind)] != '/':
		return 0
	case string(media[len(kind)+1:]) == "*":
		return 2
	case equalFold(media[len(kind)+1:], sub):
		return 3
	}
	return 0
}
