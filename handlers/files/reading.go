package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

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
}

// stream has an answer with status st sent by send, which gets what it reads with. What the kernel cannot send by itself
// is read by a goroutine.
func (l *large) stream(req *lwan.Request, resp *lwan.Response, st lwan.Status, send func(*reading) error) lwan.Status {
	w := &reading{of: l, req: req, resp: resp, st: st, file: l.file}
	if l.os != nil {
		return w.end(st, send(w))
	}
	return l.block(w, st, send)
}

// block is stream on a goroutine.
func (l *large) block(w *reading, st lwan.Status, send func(*reading) error) lwan.Status {
	return lwan.Blocking(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if l.file == nil {
			if err := w.reopen(); err != nil {
				return resp.Fail(err)
			}
			defer w.file.Close()
		}
		return w.end(st, send(w))
	})(w.req, w.resp)
}

// end is what the handler returns. A file that was too short is one that has changed: the answer is cut, and what is
// missing is not made up for (RFC 9112 section 8). If nothing was sent yet, the client can be told so.
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

// copy sends a part of a file that the kernel cannot send by itself.
func (w *reading) copy(r byteRange) error {
	src, err := w.from(r)
	if err != nil {
		return err
	}
	n, err := io.CopyBuffer(pieces{w, r.n}, src, make([]byte, min(r.n, copySize)))
	if err == nil && n < r.n {
		err = io.ErrUnexpectedEOF
	}
	return err
}

const copySize = 64 << 10

// pieces sends n bytes as they are read. A Response alone would hold the first 1 MiB back, and many clients that read
// slowly would fill the memory with that.
type pieces struct {
	*reading
	n int64
}

func (p pieces) Write(b []byte) (int, error) {
	if p.n > copySize && !p.resp.HeadSent() { // as late as that: until now a failure has a status
		if err := p.resp.SendHead(p.st); err != nil {
			return 0, err
		}
	}
	return p.resp.Write(b)
}

// queued is how much of a file leaves at once: the kernel takes it, on most systems, even if the client reads nothing. stale
// has looked at the file right before, and a second look right after would not see more.
const queued = 128 << 10

// last sends a part behind which nothing comes. If it takes a while its last byte is held back until it is known that the
// file has not been changed meanwhile: so the client gets either all of a state of the file, or too little, and notices.
func (w *reading) last(r byteRange) error {
	if w.of.os != nil && r.n <= queued {
		return w.part(r)
	}
	if err := w.part(byteRange{r.off, r.n - 1}); err != nil {
		return err
	}
	var end [1]byte
	if err := w.readAt(end[:], r.end()-1); err != nil {
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
	if w.of.file == nil {
		fi, err := w.file.Stat()
		if err == nil && stampOf(fi) != w.of.stamp {
			err = errChanged
		}
		return err
	}
	return w.of.check(w.req)
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

// sequential reads from a file that can only be read from the front: it goes to where the part begins, from the beginning
// if it has to go back.
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
