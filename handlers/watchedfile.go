package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

// watchedFile is what a file says, which is read again when it has changed. Nothing of it runs but
// within load and refresh: the request that finds that a second is over looks at the file, on a
// goroutine, and all others go on with what was read last.
type watchedFile[T any] struct {
	name  string
	most  int64                        // bytes
	parse func(text []byte) (T, error) // the error names the place
	log   *slog.Logger                 // nil: slog.Default()

	value atomic.Pointer[T]
	look  atomic.Int64 // when the file is to be looked at again, ns since 1970

	mu      sync.Mutex // of what follows: one reads at a time
	was     os.FileInfo
	sum     [sha256.Size]byte // of the text
	fresh   bool              // the file had just been changed when it was read
	failing bool
}

// settling is how long a file that has changed may change again without another time: clocks of
// file systems have steps of up to two seconds.
const settling = 2 * time.Second

// get is what the file says.
func (f *watchedFile[T]) get(req *lwan.Request) T {
	if f.due() {
		// what fails is in the log, and a server that has no goroutine for it tries again
		_ = req.Await(func(context.Context) error { f.refresh(); return nil })
	}
	return f.last()
}

// last is what it said when it was read last.
func (f *watchedFile[T]) last() T { return *f.value.Load() }

// due reports whether the file has to be looked at.
func (f *watchedFile[T]) due() bool { return time.Now().UnixNano() >= f.look.Load() }

// load reads the file at first.
func (f *watchedFile[T]) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look.Store(time.Now().UnixNano() + int64(lookEvery))
	return f.read()
}

// refresh reads the file, if it is due and has changed. It blocks.
func (f *watchedFile[T]) refresh() {
	if !f.due() || !f.mu.TryLock() { // somebody is at it: what was counts that long
		return
	}
	defer f.mu.Unlock()
	f.look.Store(time.Now().UnixNano() + int64(lookEvery))
	fi, err := os.Stat(f.name)
	if err == nil && f.unchanged(fi) {
		f.failing = false
		return
	}
	if err == nil {
		err = f.read()
	}
	if err != nil && !f.failing {
		cmp.Or(f.log, slog.Default()).Error("a file cannot be read, and what it was stays",
			"file", f.name, "err", err)
	}
	f.failing = err != nil
}

// unchanged reports whether the file is the one that was read, by all that is seen without reading
// it. One that is renamed over it may have its size and time.
func (f *watchedFile[T]) unchanged(fi os.FileInfo) bool {
	return !f.fresh && fi.Size() == f.was.Size() && fi.ModTime().Equal(f.was.ModTime()) &&
		os.SameFile(fi, f.was)
}

// read is called with mu held.
func (f *watchedFile[T]) read() error {
	now := time.Now()
	file, err := os.Open(f.name)
	if err != nil {
		return err
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(file, f.most+1))
	if err != nil {
		return err
	}
	if int64(len(text)) > f.most {
		return fmt.Errorf("%s has more than %d bytes", f.name, f.most)
	}
	if sum := sha256.Sum256(text); f.value.Load() == nil || sum != f.sum {
		v, err := f.parse(text)
		if err != nil {
			return err
		}
		f.value.Store(&v)
		f.sum = sum
	}
	f.was, f.fresh = fi, now.Sub(fi.ModTime()) < settling
	return nil
}
