package files

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"time"

	"github.com/golwan/golwan/lwan"
)

// reading is an answer under way that is read from a file.
type reading struct {
	of   *large
	req  *lwan.Request
	resp *lwan.Response
	st   lwan.Status
	file fs.File // of.file, or one of its own that was opened for this answer
	pos  int64   // where a file of its own is
	buf  []byte  // a piece
	turn int     // bytes since others had a turn
}

// stream answers with status st and lets send write the body, with a reading to read by. A file
// that the kernel cannot send by itself is read in pieces. Where a read may wait, a goroutine reads
// the piece, and serves other requests while the client takes it: any number of clients may read as
// slowly as they like.
func (l *large) stream(
	req *lwan.Request, resp *lwan.Response, st lwan.Status, send func(*reading) error,
) lwan.Status {
	w := &reading{of: l, req: req, resp: resp, st: st, file: l.file}
	if l.file == nil {
		if err := w.await(w.reopen); err != nil {
			return resp.Fail(err)
		}
		defer func() { w.file.Close() }() // it was only read
	}
	return w.end(st, send(w))
}

// await lets a goroutine run fn, which may wait for the disk. If none is free, an answer that has
// begun waits for one, since it is too late to send the client a 503.
func (w *reading) await(fn func() error) error {
	for try := 0; ; try++ {
		err := w.req.Await(func(context.Context) error { return fn() })
		if !errors.Is(err, lwan.ErrBusy) || !w.resp.HeadSent() || try == busyTries {
			return err
		}
		if err := w.req.Sleep(busyPause); err != nil {
			return err
		}
	}
}

// For so long an answer waits for a goroutine: 10 s.
const (
	busyTries = 200
	busyPause = 50 * time.Millisecond
)

// end is what the handler returns. A file that was too short has changed: the answer is cut, and
// nothing stands in for the missing bytes (RFC 9112 section 8). If nothing was sent yet, the client
// can be told so.
func (w *reading) end(st lwan.Status, err error) lwan.Status {
	switch {
	case err == nil:
		return st
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errChanged):
		err = fmt.Errorf("files: %q: %w", w.of.name, errChanged)
		if !w.resp.HeadSent() {
			err = &lwan.Error{Status: lwan.StatusUnavailable, Err: err}
		}
	}
	return w.resp.Fail(err)
}

// reopen opens the file for this answer alone, and goes on if it is the one that was promised.
func (w *reading) reopen() error {
	f, fi, err := w.of.src.open(w.of.name)
	if err != nil {
		return failureOf(w.of.name, err)
	}
	if stampOf(fi) != w.of.stamp {
		f.Close()
		return failureOf(w.of.name, errChanging)
	}
	w.file = f
	return nil
}

// part sends a part of the file.
func (w *reading) part(r byteRange) error {
	if r.n == 0 {
		return nil
	}
	if w.of.os != nil {
		return w.resp.SendFile(w.of.os, r.off, r.n)
	}
	return w.copy(r)
}

// copy sends a part of a file that the kernel cannot send by itself, as it is read. A Response
// alone would hold the first 1 MiB back, and many clients that read slowly would fill the memory
// with that.
func (w *reading) copy(r byteRange) error {
	if size := min(r.n, pieceSize); int64(len(w.buf)) < size {
		w.buf = make([]byte, size)
	}
	for several := r.n > pieceSize; r.n > 0; {
		b := w.buf[:min(r.n, int64(len(w.buf)))]
		if err := w.fetch(b, r.off); err != nil {
			return err
		}
		if several && !w.resp.HeadSent() { // as late as that: until now a failure has a status
			if err := w.resp.SendHead(w.st); err != nil {
				return err
			}
		}
		if err := w.write(b); err != nil {
			return err
		}
		r.off += int64(len(b))
		r.n -= int64(len(b))
	}
	return nil
}

// fetch reads where p begins at off.
func (w *reading) fetch(p []byte, off int64) error {
	if isQuick(w.file) {
		return w.readAt(p, off)
	}
	return w.await(func() error { return w.readAt(p, off) })
}

// isQuick reports whether a file is read on the loop: if it is embedded in the program, or one of
// the system. Of those, the kernel sends the old ones itself, and the others have only just been
// written: they are still in memory.
func isQuick(f fs.File) bool {
	if _, ok := f.(*os.File); ok {
		return true
	}
	return reflect.TypeOf(f) == embeddedFile
}

//go:embed listing.mustache
var builtIn embed.FS

// embeddedFile is the type of files of an embed.FS, which has no name. They have it behind fs.Sub
// too.
var embeddedFile = func() reflect.Type {
	f, err := builtIn.Open("listing.mustache")
	if err != nil {
		panic(err) // it is embedded
	}
	defer f.Close()
	return reflect.TypeOf(f)
}()

// write sends a piece, and makes the next ones small if the client took long for it. If the client
// takes them as fast as they come, other requests get a turn now and then.
func (w *reading) write(b []byte) error {
	begin := time.Now()
	if _, err := w.resp.Write(b); err != nil {
		return err
	}
	if len(w.buf) > slowPieceSize && time.Since(begin) > slowPiece {
		w.buf = make([]byte, slowPieceSize)
	}
	if w.turn += len(b); w.turn < turnSize {
		return nil
	}
	w.turn = 0
	return w.req.Sleep(0)
}

// A piece is what an answer holds in memory while its client takes it. Getting a goroutine for each
// costs a fast client a multiple of its time if they are small (32 MiB: 20 to 35 ms with 64 KiB,
// 200 to 400 ms with 16 KiB, on a busy machine).
const (
	pieceSize     = 64 << 10
	slowPieceSize = 16 << 10
	slowPiece     = 100 * time.Millisecond
	turnSize      = 1 << 20
)

// queued is how much of a file leaves at once: the kernel takes it, on most systems, even if the
// client reads nothing. stale has looked at the file right before, and a second look right after
// would not see more.
const queued = 128 << 10

// last sends the last part of an answer. If it takes a while its last byte is held back until it is
// known that the file has not been changed meanwhile: so the client gets either one complete state
// of the file, or too little, which it notices.
func (w *reading) last(r byteRange) error {
	if w.of.os != nil && r.n <= queued {
		return w.part(r)
	}
	if err := w.part(byteRange{r.off, r.n - 1}); err != nil {
		return err
	}
	var end [1]byte
	if err := w.fetch(end[:], r.end()-1); err != nil {
		return err
	}
	if err := w.check(); err != nil {
		return err
	}
	_, err := w.resp.Write(end[:])
	return err
}

// check reports, as an error, whether the file has changed since the entry was made.
func (w *reading) check() error {
	if w.of.file != nil {
		return w.of.check(w.req)
	}
	return w.await(func() error {
		fi, err := w.file.Stat()
		if err == nil && stampOf(fi) != w.of.stamp {
			err = errChanged
		}
		return err
	})
}

func (w *reading) readAt(p []byte, off int64) error {
	src, err := w.from(byteRange{off, int64(len(p))})
	if err == nil {
		_, err = io.ReadFull(src, p)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// from returns a reader of a part of the file.
func (w *reading) from(r byteRange) (io.Reader, error) {
	if w.of.at != nil {
		return io.NewSectionReader(w.of.at, r.off, r.n), nil
	}
	return w.sequential(r)
}

// sequential reads from a file that can only be read from the front: it goes to where the part
// begins, from the beginning if it has to go back.
func (w *reading) sequential(r byteRange) (io.Reader, error) {
	if r.off < w.pos {
		if err := w.file.Close(); err != nil {
			return nil, err
		}
		if err := w.reopen(); err != nil {
			return nil, err
		}
		w.pos = 0
	}
	n, err := io.CopyN(io.Discard, w.file, r.off-w.pos)
	w.pos += n
	if err != nil {
		return nil, err
	}
	w.pos += r.n // as it will be when all of the part has been read
	return io.LimitReader(w.file, r.n), nil
}
