package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/golwan/golwan/cache"
	"github.com/golwan/golwan/lwan"
)

// trees are sites that are opened when they are first asked for, each by its key. One belongs to
// the cache; who lets go of the last reference has it closed, on a goroutine, since closing waits
// for what is being read, and the module's end waits for that.
type trees struct {
	open    func(key string) (*site, error) // may wait for the disk
	sites   *cache.Cache[string, *site]
	closing sync.WaitGroup

	mu  sync.Mutex
	err error // of those that were closed
}

// treeLimits bound what a module with many trees holds.
type treeLimits struct {
	max int           // trees that are open
	ttl time.Duration // how long one is believed to be that of its key
}

func newTrees(l treeLimits, open func(key string) (*site, error)) *trees {
	t := &trees{open: open}
	t.sites = cache.New(cache.Config[string, *site]{
		TTL: l.ttl, ErrorTTL: defaultErrorTTL, MaxEntries: l.max,
		Create:  func(_ context.Context, key string) (*site, error) { return open(key) },
		Destroy: func(_ string, s *site) { t.closing.Go(func() { t.closeOne(s) }) },
	})
	return t
}

func (t *trees) closeOne(s *site) {
	err := s.close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = errors.Join(t.err, err)
}

// close waits until the last tree is closed.
func (t *trees) close() error {
	err := t.sites.Close()
	t.closing.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(err, t.err)
}

// serve answers from the tree of a key; other answers where there is none. key is a view.
func (t *trees) serve(
	req *lwan.Request, resp *lwan.Response, key []byte, other lwan.Handler,
) lwan.Status {
	ref, err := t.get(req, key)
	switch {
	case err == error(errNotFound):
		return other(req, resp)
	case err != nil:
		return notThere(resp, err)
	}
	defer ref.Release()
	return ref.Value().serve(req, resp)
}

func (t *trees) get(req *lwan.Request, key []byte) (cache.Ref[*site], error) {
	if ref, ok := t.sites.Peek(view(key)); ok {
		return ref, nil
	}
	if err := t.sites.Failure(view(key)); err != nil {
		return cache.Ref[*site]{}, err
	}
	return lookUp(req, t.sites.Get, string(key))
}

// openDirectory opens the directory name below root.
func openDirectory(root *os.Root, name string) (*os.Root, error) {
	fi, err := root.Stat(name)
	if err != nil {
		return nil, treeFailure(name, err)
	}
	if !fi.IsDir() { // OpenRoot would wait for somebody to write to a pipe
		return nil, errNotFound
	}
	sub, err := root.OpenRoot(name)
	if err != nil {
		return nil, treeFailure(name, err)
	}
	return sub, nil
}

// openBelow opens the directory name below root as a tree, whose links stay inside of it.
func openBelow(root *os.Root, name string, c Config, prefix string) (*site, error) {
	sub, err := openDirectory(root, name)
	if err != nil {
		return nil, err
	}
	names, err := namesOf(filepath.Join(root.Name(), name))
	if err != nil {
		return nil, errors.Join(treeFailure(name, err), sub.Close())
	}
	return newSiteOf(c, prefix, &rootSource{sub, c.Symlinks, names})
}

// treeFailure is why there is no tree: one that leads out of its place is not there.
func treeFailure(name string, err error) error {
	if leadsOut(err) {
		return errNotFound
	}
	return failureOf(name, err)
}

// noTree answers where there is none.
func noTree(*lwan.Request, *lwan.Response) lwan.Status { return lwan.StatusNotFound }

// shared divides what is for all trees among them: descriptors, and memory.
func (c Config) shared(trees int) Config {
	c = c.withDefaults()
	least := min(c.Entries, minEntries)
	c.Entries = max(c.Entries/trees, least)
	c.MemoryBytes = max(c.MemoryBytes/int64(trees), min(c.MemoryBytes, minTreeMemory))
	return c
}

// What each tree may hold, however many there are.
const (
	minEntries    = 16
	minTreeMemory = 256 << 10
)
