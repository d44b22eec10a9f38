package webdav

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	dav "golang.org/x/net/webdav"
)

// directory is a dav.FileSystem that nothing leads out of.
type directory struct{ root *os.Root }

// upload begins the names of files that are still coming. They are not there for clients.
const upload = ".webdav-upload-"

// name is that of a path in the root; an error is one that no file can have.
func (d *directory) name(p string) (string, error) {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	for s := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(s, upload) {
			return "", fs.ErrNotExist
		}
	}
	switch {
	case p == "":
		return ".", nil
	case !filepath.IsLocal(filepath.FromSlash(p)), strings.IndexByte(p, 0) >= 0,
		filepath.Separator != '/' && strings.ContainsRune(p, filepath.Separator):
		return "", fs.ErrNotExist
	}
	return p, nil
}

// Mkdir implements dav.FileSystem.
func (d *directory) Mkdir(_ context.Context, p string, perm os.FileMode) error {
	name, err := d.name(p)
	if err != nil {
		return err
	}
	return d.root.Mkdir(name, perm)
}

// Stat implements dav.FileSystem. Devices, pipes and sockets are not there: to open one might wait
// for ever.
func (d *directory) Stat(_ context.Context, p string) (os.FileInfo, error) {
	name, err := d.name(p)
	if err != nil {
		return nil, err
	}
	fi, err := d.root.Stat(name)
	if err == nil && !fi.IsDir() && !fi.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return fi, err
}

// OpenFile implements dav.FileSystem: for reading, or for a file that is written as a whole.
func (d *directory) OpenFile(
	ctx context.Context, p string, flag int, perm os.FileMode,
) (dav.File, error) {
	fi, err := d.Stat(ctx, p)
	if flag&os.O_TRUNC != 0 {
		if err == nil && fi.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fs.ErrPermission
		}
		return d.create(p, perm)
	}
	if err != nil {
		return nil, err
	}
	name, err := d.name(p)
	if err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	return &opened{f}, nil
}

// create makes a file beside the one whose place it will take.
func (d *directory) create(p string, perm os.FileMode) (dav.File, error) {
	name, err := d.name(p)
	if err != nil || name == "." {
		return nil, fs.ErrPermission
	}
	temporary := path.Join(path.Dir(name), upload+rand.Text())
	f, err := d.root.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	return &coming{opened{f}, d.root, temporary, name, nil}, nil
}

// RemoveAll implements dav.FileSystem.
func (d *directory) RemoveAll(_ context.Context, p string) error {
	name, err := d.name(p)
	if err != nil || name == "." {
		return fs.ErrPermission
	}
	return d.root.RemoveAll(name)
}

// Rename implements dav.FileSystem.
func (d *directory) Rename(_ context.Context, from, to string) error {
	a, err := d.name(from)
	if err != nil {
		return err
	}
	b, err := d.name(to)
	if err != nil || a == "." || b == "." {
		return fs.ErrPermission
	}
	return d.root.Rename(a, b)
}

// opened is a file or directory that is read.
type opened struct{ *os.File }

// Readdir leaves out what is not there for clients.
func (o *opened) Readdir(n int) ([]fs.FileInfo, error) {
	all, err := o.File.Readdir(n)
	kept := all[:0]
	for _, fi := range all {
		if !strings.HasPrefix(fi.Name(), upload) && (fi.IsDir() || fi.Mode().IsRegular()) {
			kept = append(kept, fi)
		}
	}
	return kept, err
}

// coming is a file that is written. It takes its place when it is closed, unless something of it
// could not be had or written.
type coming struct {
	opened
	root            *os.Root
	temporary, name string
	err             error
}

// ReadFrom implements io.ReaderFrom, by which it is known whether all has come.
func (c *coming) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.File.ReadFrom(r)
	c.err = errors.Join(c.err, err)
	return n, err
}

// Write implements io.Writer.
func (c *coming) Write(p []byte) (int, error) {
	n, err := c.File.Write(p)
	c.err = errors.Join(c.err, err)
	return n, err
}

// Close implements io.Closer.
func (c *coming) Close() error {
	err := errors.Join(c.err, c.File.Close())
	if err == nil {
		err = c.root.Rename(c.temporary, c.name)
	}
	if err != nil {
		return errors.Join(err, c.root.Remove(c.temporary))
	}
	return nil
}
