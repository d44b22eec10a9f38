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
	k.format = preferredFormat(req)
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

// preferredFormat chooses by a request's Accept: HTML unless the client likes JSON better.
func preferredFormat(req *lwan.Request) format {
	if req.Accepts("text/html", "application/json") == "application/json" {
		return formatJSON
	}
	return formatHTML
}
