package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// source is the tree that is served. Its methods wait for the disk: they are never called on a
// loop. Names are those that names.split returns.
type source interface {
	// open opens a regular file or a directory, and nothing else: a pipe or a device is
	// errIrregular, and not opened. The information is of what was opened. A link is dealt with as
	// Config.Symlinks says.
	open(name string) (fs.File, fs.FileInfo, error)
	// directory opens a directory to look at what is in it.
	directory(name string) (directoryReader, error)
	close() error
}

// directoryReader reads a directory.
type directoryReader interface {
	// next returns some of what is there, without order, and io.EOF at the end.
	next() ([]fs.DirEntry, error)
	// stat looks at one of them as open would.
	stat(name string) (fs.FileInfo, error)
	close() error
}

var (
	errIrregular = errors.New("neither a regular file nor a directory")
	errLink      = errors.New("a symbolic link")
	errOutside   = errors.New("outside of the tree")
	errReplaced  = errors.New("replaced while it was opened")
)

func regular(fi fs.FileInfo) bool { return fi.Mode().IsRegular() || fi.IsDir() }

// checked returns an opened file if it is one to be served, and closes it otherwise.
func checked(f fs.File) (fs.File, fs.FileInfo, error) {
	fi, err := f.Stat()
	if err == nil && !regular(fi) {
		err = errIrregular
	}
	if err != nil {
		f.Close() // nothing was written, so there is nothing to be lost
		return nil, nil, err
	}
	return f, fi, nil
}

// rootSource is a directory of the system.
type rootSource struct {
	root  *os.Root
	links Symlinks
	names []string // of the directory, absolute
}

func openRoot(dir string, links Symlinks) (*rootSource, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	names, err := namesOf(dir)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &rootSource{root, links, names}, nil
}

func (s *rootSource) close() error { return s.root.Close() }

func (s *rootSource) open(name string) (fs.File, fs.FileInfo, error) {
	if s.links == SymlinksNever {
		f, fi, err := s.openStraight(name)
		if leadsOut(err) {
			err = errOutside
		}
		return f, fi, err
	}
	var fi fs.FileInfo
	f, err := follow(s, name, func(name string) (f fs.File, err error) {
		if fi, err = s.root.Stat(name); err == nil {
			f, fi, err = openIn(s.root, name, fi)
		}
		return f, err
	})
	return f, fi, err
}

// leadsOut reports whether err is what os.Root returns for a path that leads out of its directory.
// That error has no exported name; but of all errors of paths it is the only one that is not the
// system's.
func leadsOut(err error) bool {
	p, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return false
	}
	_, system := errors.AsType[syscall.Errno](p.Err)
	return !system && !errors.Is(err, fs.ErrClosed) && !errors.Is(err, fs.ErrNotExist)
}

// openIn opens name, which was fi when it was looked at. If it has become a pipe since, opening
// does not wait for a writer.
func openIn(root *os.Root, name string, fi fs.FileInfo) (fs.File, fs.FileInfo, error) {
	if !regular(fi) {
		return nil, nil, errIrregular
	}
	f, err := root.OpenFile(name, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, nil, err
	}
	return checked(f)
}

// openStraight opens a file with no link on the way. Each segment is looked at and opened, and must
// be the same both times: a link that takes its place in between is noticed.
func (s *rootSource) openStraight(name string) (fs.File, fs.FileInfo, error) {
	dir, file := path.Split(name)
	root, err := s.descend(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return nil, nil, err
	}
	if root != s.root {
		defer root.Close()
	}
	seen, err := root.Lstat(file)
	if err != nil {
		return nil, nil, err
	}
	if seen.Mode()&fs.ModeSymlink != 0 {
		return nil, nil, errLink
	}
	f, fi, err := openIn(root, file, seen)
	if err == nil && !os.SameFile(seen, fi) {
		f.Close()
		return nil, nil, errReplaced
	}
	return f, fi, err
}

// descend opens a directory below the root with no link on the way; "" and "." are the root itself.
func (s *rootSource) descend(dir string) (*os.Root, error) {
	at := s.root
	if dir == "" || dir == "." {
		return at, nil
	}
	for segment := range strings.SplitSeq(dir, "/") {
		next, err := stepInto(at, segment)
		if at != s.root {
			at.Close()
		}
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

func stepInto(at *os.Root, segment string) (*os.Root, error) {
	seen, err := at.Lstat(segment)
	if err != nil {
		return nil, err
	}
	switch {
	case seen.Mode()&fs.ModeSymlink != 0:
		return nil, errLink
	case !seen.IsDir(): // OpenRoot would wait for somebody to write to a pipe
		return nil, fs.ErrNotExist
	}
	next, err := at.OpenRoot(segment)
	if err != nil {
		return nil, err
	}
	fi, err := next.Stat(".")
	if err == nil && !os.SameFile(seen, fi) {
		err = errReplaced
	}
	if err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}
