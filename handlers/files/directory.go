package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
)

// directory is what was in a directory when it was read: what is shown of it, and nothing of how.
type directory struct {
	name   string // in the tree; ".": the root
	rows   []row  // by name
	more   bool   // there was more than maxRows
	readme readme
	sum    string // of all this, for entity tags

	orders [orders]atomic.Pointer[[]uint32] // indexes of rows, made when they are first wanted
}

// row is one entry: a regular file or a directory.
type row struct {
	name     string
	size     int64
	modified int64 // s since 1970
	dir      bool
}

// maxRows is how many entries of a directory are listed: what a browser can show in some minutes.
// It bounds memory.
const maxRows = 1 << 20

// rowCost is the memory of a row beside its name, in all orders.
const rowCost = 48 + orders*4

func (d *directory) bytes() int64 {
	n := int64(len(d.rows)*rowCost + len(d.readme.text))
	for i := range d.rows {
		n += int64(len(d.rows[i].name))
	}
	return n
}

// list makes the entry of a directory that is listed.
func (s *site) list(ctx context.Context, name string) (*entry, error) {
	d := &directory{name: name}
	if err := s.readRows(ctx, d); err != nil {
		return nil, err
	}
	slices.SortFunc(d.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	if err := s.findReadme(ctx, d); err != nil {
		return nil, err
	}
	d.sum = d.checksum()
	return &entry{directory: d}, nil
}

func (s *site) readRows(ctx context.Context, d *directory) (err error) {
	r, err := s.tree.directory(d.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for ctx.Err() == nil {
		entries, err := r.next()
		for _, e := range entries {
			if len(d.rows) == maxRows {
				d.more = true
				return nil
			}
			if row, ok := s.row(r, d.name, e); ok {
				d.rows = append(d.rows, row)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// row looks at an entry of the directory. An entry that a client could not get is not shown.
func (s *site) row(r directoryReader, dir string, e fs.DirEntry) (row, bool) {
	const irregular = fs.ModeType &^ (fs.ModeDir | fs.ModeSymlink)
	name := e.Name()
	if e.Type()&irregular != 0 || !s.names.allows(path.Join(dir, name)) ||
		strings.Contains(name, "\\") {
		return row{}, false
	}
	fi, err := r.stat(name)
	if err != nil || !regular(fi) {
		return row{}, false
	}
	out := row{name: name, dir: fi.IsDir()}
	if t := fi.ModTime(); !t.IsZero() {
		out.modified = t.Unix()
	}
	if !out.dir {
		out.size = fi.Size()
	}
	return out, true
}

// checksum tells two states of the directory from each other.
func (d *directory) checksum() string {
	h := sha256.New()
	var fixed [17]byte
	for i := range d.rows {
		r := &d.rows[i]
		binary.LittleEndian.PutUint64(fixed[0:], uint64(r.size))
		binary.LittleEndian.PutUint64(fixed[8:], uint64(r.modified))
		fixed[16] = 0
		if r.dir {
			fixed[16] = 1
		}
		io.WriteString(h, r.name+"/") // a hash returns no error, and no name has a slash
		h.Write(fixed[:])
	}
	io.WriteString(h, d.name+"/"+d.readme.name+"/"+d.readme.text)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// readme is a text that is shown below the list.
type readme struct{ name, text string }

// maxReadme is how long a text may be to be shown.
const maxReadme = 64 << 10

// findReadme reads the directory's README, if it is a text.
func (s *site) findReadme(ctx context.Context, d *directory) error {
	i := slices.IndexFunc(d.rows, func(r row) bool {
		return !r.dir && r.size <= maxReadme && isReadme(r.name)
	})
	if i < 0 || s.config.NoReadme {
		return nil
	}
	name := d.rows[i].name
	at := path.Join(d.name, name)
	f, fi, err := s.tree.open(at)
	// it was there a moment ago: it is gone by now, or may not be read
	if err != nil || fi.IsDir() {
		if err == nil {
			err = f.Close()
		}
		if isAny(err, exhausted) {
			return err
		}
		return nil
	}
	l := loader{s.tree, maxReadme, 0}
	got, err := l.load(ctx, at, f, identity)
	switch {
	case isAny(err, exhausted) || ctx.Err() != nil:
		return cmp.Or(err, ctx.Err())
	case err != nil:
		return nil
	case got.large != nil:
		got.close()
		return nil
	}
	if isText([]byte(got.text)) {
		d.readme = readme{name, got.text}
	}
	return nil
}

func isReadme(name string) bool {
	switch strings.ToLower(name) {
	case "readme", "readme.txt", "readme.md", "readme.rst":
		return true
	}
	return false
}
