// Package threehandlers writes the same three handlers with golwan, gin and chi: a list with
// paging, a PATCH in JSON, and an upload. Its test holds them to the same answers, and golwan to
// the fewest lines.
//
//	go test -v ./internal/threehandlers
//
// The rules are the same for all, since a handler is not shorter that leaves something out:
//
//   - What cannot be parsed is 4xx, what is not there 404, a body over 1 MiB 413 (an upload may
//     have 8 MiB), anything else 500; errors are answered in JSON and tell nothing of the inside.
//   - A size of a page is from 1 to 100, and 20 if it is not asked for; others are brought there.
//   - PATCH changes what it names and leaves the rest.
//   - The file's name is the server's.
package threehandlers

import (
	"errors"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// item is what the handlers are about.
type item struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
	Done  bool   `json:"done"`
}

var errNone = errors.New("there is no such item")

// store has items by number, from 1 on, and files in a folder.
type store struct {
	dir string

	mu    sync.Mutex
	items []item
}

func (s *store) list(from, n int) []item {
	s.mu.Lock()
	defer s.mu.Unlock()
	from = min(max(from, 0), len(s.items))
	return append([]item{}, s.items[from:min(from+n, len(s.items))]...)
}

// change calls fn with an item, and keeps what it makes of it.
func (s *store) change(id int, fn func(it *item)) (item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || id > len(s.items) {
		return item{}, errNone
	}
	fn(&s.items[id-1])
	return s.items[id-1], nil
}

// keep stores a file, which is the item's, and returns its size.
func (s *store) keep(id int, from *multipart.FileHeader) (n int64, err error) {
	if _, err := s.change(id, func(*item) {}); err != nil {
		return 0, err
	}
	src, err := from.Open()
	if err != nil {
		return 0, err
	}
	defer src.Close()
	dst, err := os.Create(filepath.Join(s.dir, strconv.Itoa(id)))
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(dst, src)
	return n, errors.Join(err, dst.Close())
}
