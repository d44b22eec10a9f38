package files

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// directoryPiece is how many entries are read at a time.
const directoryPiece = 1024

// rootDirectory reads a directory of the system. Its entries are looked at below a root of their
// own, so that it does not matter if a directory on the way to it is moved meanwhile; but links are
// followed from the root of the tree, since they may lead out of the directory.
type rootDirectory struct {
	of   *rootSource
	name string
	root *os.Root
	file *os.File
}

func (s *rootSource) directory(name string) (directoryReader, error) {
	root, err := s.directoryRoot(name)
	if err != nil {
		return nil, err
	}
	file, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &rootDirectory{s, name, root, file}, nil
}

func (s *rootSource) directoryRoot(name string) (*os.Root, error) {
	if s.links == SymlinksInside || name == "." {
		return follow(s, name, s.root.OpenRoot)
	}
	return s.descend(name)
}

func (d *rootDirectory) next() ([]fs.DirEntry, error) { return d.file.ReadDir(directoryPiece) }

func (d *rootDirectory) stat(name string) (fs.FileInfo, error) {
	fi, err := d.root.Lstat(name)
	if err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		return fi, err
	}
	if d.of.links == SymlinksNever {
		return nil, errLink
	}
	return follow(d.of, path.Join(d.name, name), d.of.root.Stat)
}

func (d *rootDirectory) close() error { return errors.Join(d.file.Close(), d.root.Close()) }
