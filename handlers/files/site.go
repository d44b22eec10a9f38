package files

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/golwan/golwan/cache"
	"github.com/golwan/golwan/lwan"
)

// site is an open module: a tree and what is remembered of it.
type site struct {
	// Constant after newSite.
	config       Config // with its defaults
	prefix       string // where clients see the tree
	skip         int    // what of the rest of a path leads to it, and is no part of keys
	tree         source
	names        names
	types        *mediaTypes
	loader       loader
	cacheControl rules[string]
	expires      rules[*expiry]
	download     []pattern

	entries *cache.Cache[string, *entry]
	packs   *cache.Cache[packKey, *representation]
	pages   *cache.Cache[pageKey, *resource]
	fills   chan struct{} // one for each entry that is being made

	released atomic.Int64 // second in which descriptors were last given back
}

// refreshShare is the last part of an entry's time, in which the first request for it starts a new
// look at the file.
const refreshShare = 4

type entryRef = cache.Ref[*entry]

func newSite(c Config, prefix string) (*site, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.FS != nil {
		return newSiteOf(c, prefix, &fsSource{c.FS, c.Symlinks})
	}
	tree, err := openRoot(c.Dir, c.Symlinks)
	if err != nil {
		return nil, fmt.Errorf("files: Dir: %w", err)
	}
	return newSiteOf(c, prefix, tree)
}

// newSiteOf makes a site of a tree, which it takes over.
func newSiteOf(c Config, prefix string, tree source) (*site, error) {
	c = c.withDefaults()
	s := &site{
		config: c, prefix: prefix, types: newMediaTypes(c.Types, c.Sniff), tree: tree,
		fills: make(chan struct{}, maxFills),
	}
	if err := s.compile(); err != nil {
		return nil, errors.Join(err, tree.close())
	}
	s.loader = loader{s.tree, c.SmallFile, youngAge}
	s.packs = newPacks(c.MemoryBytes)
	s.pages = s.newPages()
	s.entries = cache.New(s.cacheConfig())
	if err := errors.Join(s.entries.Err(), s.packs.Err(), s.pages.Err()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// compile makes what is needed of the patterns.
func (s *site) compile() (err error) {
	c := &s.config
	expiries := map[string]*expiry{}
	for text, after := range c.Expires {
		expiries[text] = &expiry{after: after}
	}
	s.names.hidden = c.Hidden
	if s.names.exclude, err = compilePatterns(c.Exclude); err != nil {
		return fmt.Errorf("files: Exclude: %w", err)
	}
	if s.download, err = compilePatterns(c.Download); err != nil {
		return fmt.Errorf("files: Download: %w", err)
	}
	if s.cacheControl, err = compileRules(c.Cache); err != nil {
		return fmt.Errorf("files: Cache: %w", err)
	}
	if s.expires, err = compileRules(expiries); err != nil {
		return fmt.Errorf("files: Expires: %w", err)
	}
	return nil
}

func (s *site) cacheConfig() cache.Config[string, *entry] {
	return cache.Config[string, *entry]{
		TTL:        s.config.TTL,
		Refresh:    s.config.TTL / refreshShare,
		ErrorTTL:   s.config.ErrorTTL,
		MaxEntries: s.config.Entries,
		MaxBytes:   s.config.MemoryBytes,
		Size:       func(_ string, e *entry) int64 { return e.bytes() },
		Create:     s.create,
		Destroy:    func(_ string, e *entry) { e.close() },
	}
}

// close waits until the last answer has been sent.
func (s *site) close() error {
	return errors.Join(s.entries.Close(), s.packs.Close(), s.pages.Close(), s.tree.close())
}

// serve is the handler.
func (s *site) serve(req *lwan.Request, resp *lwan.Response) lwan.Status {
	if m := req.Method(); m != "GET" && m != "HEAD" {
		return s.otherMethod(req, resp, m)
	}
	for range tries {
		if st := s.look(req, resp); st != lookAgain {
			return st
		}
	}
	return resp.Fail(failureOf(req.Path(), errChanging))
}

// look answers with what the path leads to now.
func (s *site) look(req *lwan.Request, resp *lwan.Response) lwan.Status {
	ref, err := s.find(req)
	if err != nil {
		return s.fail(req, resp, err)
	}
	// what is in memory outlives the entry, and files have been sent when a handler returns
	defer ref.Release()
	e := ref.Value()
	st := s.reply(req, resp, e)
	if st == lookAgain || errors.Is(resp.Err(), errChanged) {
		s.entries.Purge(func(key string) bool { return key == e.key })
	}
	return st
}

// reply answers with an entry.
func (s *site) reply(req *lwan.Request, resp *lwan.Response, e *entry) lwan.Status {
	switch {
	case e.location != "":
		return redirect(req, resp, e.location)
	case e.directory != nil:
		return s.listing(req, resp, e)
	}
	return s.answer(req, resp, e.file)
}

// find looks the path up. On a loop it waits parked if that has to be done on disk.
func (s *site) find(req *lwan.Request) (entryRef, error) {
	ref, found, key := s.peek(req)
	if found {
		return ref, nil
	}
	ref, err := s.get(req, key)
	if err == error(errNotFound) && s.config.Fallback != "" && routed(key) {
		return s.get(req, s.config.Fallback)
	}
	return ref, err
}

// peek looks for the entry without a copy of the path, which is made if there is none.
func (s *site) peek(req *lwan.Request) (ref entryRef, found bool, key string) {
	req.Borrow(func() {
		rest := req.RestBytes()[s.skip:]
		if ref, found = s.entries.Peek(view(rest)); !found {
			key = string(rest)
		}
	})
	return ref, found, key
}

// routed reports whether a path may be one of those that an application in the browser makes up:
// without an extension.
func routed(path string) bool {
	for i := len(path) - 1; i >= 0 && path[i] != '/'; i-- {
		if path[i] == '.' {
			return false
		}
	}
	return true
}

// get returns the entry of a key, or an error that is remembered, or has the entry made.
func (s *site) get(req *lwan.Request, key string) (entryRef, error) {
	if ref, ok := s.entries.Peek(key); ok {
		return ref, nil
	}
	if len(key) > maxKey {
		return entryRef{}, errNotFound
	}
	if err := s.entries.Failure(key); err != nil {
		return entryRef{}, err
	}
	return lookUp(req, s.entries.Get, key)
}

// fail answers with an error. What is not there is no news.
func (s *site) fail(req *lwan.Request, resp *lwan.Response, err error) lwan.Status {
	if s.absent(req, err) {
		return req.Reroute(resp, s.config.Reroute)
	}
	return notThere(resp, err)
}

func notThere(resp *lwan.Response, err error) lwan.Status {
	if err == error(errNotFound) {
		return lwan.StatusNotFound
	}
	return resp.Fail(err)
}

// absent reports whether Reroute is to be asked in place of what failed so. What it leads to itself
// is not asked again.
func (s *site) absent(req *lwan.Request, err error) bool {
	if s.config.Reroute == "" || err != error(errNotFound) && err != error(errNoIndex) {
		return false
	}
	at, _, _ := strings.Cut(s.config.Reroute, "?")
	now, _, _ := strings.Cut(req.RoutedTarget(), "?")
	return at != now
}

// otherMethod answers everything but GET and HEAD.
func (s *site) otherMethod(req *lwan.Request, resp *lwan.Response, method string) lwan.Status {
	if s.config.Reroute != "" {
		ref, err := s.find(req)
		if err == nil {
			ref.Release()
		} else if s.absent(req, err) {
			return req.Reroute(resp, s.config.Reroute)
		}
	}
	return otherMethod(method, resp)
}

func otherMethod(method string, resp *lwan.Response) lwan.Status {
	resp.SetHeader("Allow", "GET, HEAD, OPTIONS")
	if method == "OPTIONS" {
		return lwan.StatusNoContent
	}
	return lwan.StatusMethodNotAllowed
}

// lookUp asks a cache for a value that has to be made, for a client that may have closed its side
// by now.
func lookUp[K, R any](
	req *lwan.Request, get func(context.Context, K) (R, error), key K,
) (R, error) {
	return lwan.Await(req, func(ctx context.Context) (R, error) {
		ctx, cancel := lwan.UnlessGone(ctx)
		defer cancel()
		return get(ctx, key)
	})
}
