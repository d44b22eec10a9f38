package files

import (
	"context"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/router"
)

// maxFills bounds how many entries are made at a time: each needs descriptors, and a disk is not
// faster for more.
const maxFills = 64

// create makes the entry of a key, for the cache. It waits for the disk, on a goroutine.
func (s *site) create(ctx context.Context, key string) (*entry, error) {
	select {
	case s.fills <- struct{}{}:
		defer func() { <-s.fills }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e, err := s.make(ctx, key)
	if isAny(err, exhausted) && s.release() {
		e, err = s.make(ctx, key)
	}
	if err != nil {
		return nil, failureOf(key, err)
	}
	e.key = key
	return e, nil
}

// release gives back the descriptors that nobody is using, at most once a second, and reports
// whether it did.
func (s *site) release() bool {
	now := time.Now().Unix()
	if before := s.released.Swap(now); before == now {
		return false
	}
	s.entries.Purge(nil)
	return true
}

func (s *site) make(ctx context.Context, key string) (*entry, error) {
	name, dir, ok := s.names.split(key)
	if !ok {
		return nil, errNotFound
	}
	f, fi, err := s.tree.open(name)
	if err != nil {
		return nil, err
	}
	switch {
	case !fi.IsDir() && !dir:
		return s.file(ctx, name, f)
	case !fi.IsDir(): // "file/" is no path of a file
		f.Close()
		return nil, errNotFound
	}
	f.Close()
	if !dir {
		return &entry{location: locationOf(name)}, nil
	}
	return s.directory(ctx, name)
}

// directory makes the entry of a directory: of its index, or of what is in it.
func (s *site) directory(ctx context.Context, name string) (*entry, error) {
	for _, index := range s.config.Index {
		at := path.Join(name, index)
		if !s.names.allows(at) {
			continue
		}
		f, fi, err := s.tree.open(at)
		switch {
		case err != nil && failureOf(at, err) == errNotFound:
		case err != nil:
			return nil, err
		case fi.IsDir():
			f.Close()
		default:
			return s.file(ctx, at, f)
		}
	}
	if !s.config.List {
		return nil, errNoIndex
	}
	return s.list(ctx, name)
}

// file makes the entry of a file. It takes f over.
func (s *site) file(ctx context.Context, name string, f fs.File) (*entry, error) {
	plain, err := s.loader.load(ctx, name, f, identity)
	if err != nil {
		return nil, err
	}
	r := &resource{
		plain: plain.representation,
		ctype: s.types.of(name, plain.head),
		dates: datesOf(plain.stamp.modified, time.Now()),
	}
	s.setFreshness(r, name)
	s.setFields(r, name)
	if err := s.findStored(ctx, r, name, plain.stamp); err != nil {
		r.close()
		return nil, err
	}
	s.offer(r, "", s.config.SmallFile)
	return &entry{file: r}, nil
}

// setFreshness sets what caches may do with the answers.
func (s *site) setFreshness(r *resource, name string) {
	if v, ok := s.cacheControl.find(name); ok {
		r.fields = append(r.fields, field{"Cache-Control", v})
	}
	r.common = len(r.fields)
	if d, ok := s.expires.find(name); ok {
		r.expire = d
	}
}

// setFields sets the other fields that all answers of a file have.
func (s *site) setFields(r *resource, name string) {
	if r.modified != "" {
		r.fields = append(r.fields, field{"Last-Modified", r.modified})
	}
	if r.parts = s.config.MaxRanges > 0; r.parts {
		r.fields = append(r.fields, field{"Accept-Ranges", "bytes"})
	}
	if anyMatches(s.download, name) {
		r.fields = append(r.fields, field{"Content-Disposition", lwan.Attachment(path.Base(name))})
	}
}

// locationOf is where the directory name is, for a client that has asked for it without a slash: a
// reference that is relative, so that it does not matter under which prefix, or behind which proxy,
// this is.
func locationOf(name string) string {
	segment := router.Escape(path.Base(name))
	if strings.Contains(segment, ":") { // or it would be a scheme (RFC 3986 section 4.2)
		segment = "./" + segment
	}
	return segment + "/"
}

// redirect answers with the location of an entry, and the query as it was.
func redirect(req *lwan.Request, resp *lwan.Response, location string) lwan.Status {
	if _, query, ok := strings.Cut(req.Target(), "?"); ok {
		location += "?" + query
	}
	return resp.Redirect(lwan.StatusMovedPermanently, location)
}
