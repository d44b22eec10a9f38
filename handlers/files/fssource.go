package files

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// fsSource is a tree behind the interface of io/fs.
type fsSource struct {
	fsys  fs.FS
	links Symlinks
}

func (s *fsSource) close() error { return nil }

func (s *fsSource) open(name string) (fs.File, fs.FileInfo, error) {
	fi, err := s.stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !regular(fi) {
		return nil, nil, errIrregular
	}
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return checked(f)
}

// stat looks at a file before it is opened, since opening may have effects. Links are told by file
// systems that know of them.
func (s *fsSource) stat(name string) (fs.FileInfo, error) {
	for at := name; s.links == SymlinksNever && at != "."; at = path.Dir(at) {
		fi, err := fs.Lstat(s.fsys, at)
		if err != nil {
			return nil, err
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			return nil, errLink
		}
	}
	return fs.Stat(s.fsys, name)
}

func (s *fsSource) directory(name string) (directoryReader, error) {
	f, fi, err := s.open(name)
	if err != nil {
		return nil, err
	}
	d, ok := f.(fs.ReadDirFile)
	if !ok || !fi.IsDir() {
		return nil, errors.Join(fs.ErrNotExist, f.Close())
	}
	return &fsDirectory{s, name, d}, nil
}

type fsDirectory struct {
	of   *fsSource
	name string
	file fs.ReadDirFile
}

func (d *fsDirectory) next() ([]fs.DirEntry, error) {
	list, err := d.file.ReadDir(directoryPiece)
	if len(list) == 0 && err == nil {
		err = io.EOF
	}
	return list, err
}

func (d *fsDirectory) stat(name string) (fs.FileInfo, error) {
	return d.of.stat(path.Join(d.name, name))
}
func (d *fsDirectory) close() error { return d.file.Close() }
