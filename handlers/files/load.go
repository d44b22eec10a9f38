package files

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"time"
)

// tries is how often load looks at a file that is being changed, a tick apart.
const tries = 5

// A loader reads a file, or opens it for later, in one of the states that it had. A state that
// lasts is preferred: an editor that saves a file in place truncates it first, and a file that was
// empty for some microseconds should not be served empty for seconds.
//
// A file that was changed a short while ago may be changed again, and sendfile(2) queues the pages
// of the file itself: if it is truncated while they are on their way, the client gets zeros. So a
// young file is sent from a copy.
type loader struct {
	src   source
	small int64 // up to this size a file is read
	young time.Duration
}

const (
	youngAge = 10 * time.Second // a file that was changed less long ago is young
	// up to this size the copy is made once, for all; else for each answer
	copyable = 1 << 20
)

// loaded is a file's content with what is known about it.
type loaded struct {
	*representation
	head  []byte // the first bytes
	stamp stamp
}

// load takes f over: it is closed, or belongs to the representation.
func (l *loader) load(ctx context.Context, name string, f fs.File, c coding) (loaded, error) {
	out, kept, err := l.settle(ctx, name, f, c)
	if !kept {
		f.Close() // it was only read
	}
	return out, err
}

// settle looks at the file until it rests.
func (l *loader) settle(
	ctx context.Context, name string, f fs.File, c coding,
) (out loaded, kept bool, err error) {
	var before *attempt
	for try := 1; ; try++ {
		now, err := l.attempt(f)
		if err != nil {
			return loaded{}, false, err
		}
		if now.rests || (try == tries && now.continues(before)) {
			out, kept, err = l.accept(name, f, c, now)
			return out, kept, err
		}
		if try == tries {
			return loaded{}, false, errChanging
		}
		if err := pause(ctx); err != nil {
			return loaded{}, false, err
		}
		before = now
	}
}

// attempt is a file as it was found once.
type attempt struct {
	stamp stamp
	young bool
	whole bool // it was read as a whole: text is all of it
	text  []byte
	ends  ends // if not whole
	head  []byte
	at    io.ReaderAt // nil: it can be read only once
	rests bool        // it has not changed meanwhile, and a change would have been noticed
}

func (l *loader) attempt(f fs.File) (*attempt, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	a := &attempt{stamp: stampOf(fi)}
	a.at, _ = f.(io.ReaderAt)
	a.young = a.at != nil && !a.stamp.settled(time.Now(), l.young)
	a.whole = a.stamp.size <= l.small || (a.young && a.stamp.size <= copyable)
	if err := a.read(f); err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	a.rests = a.at == nil || (stampOf(after) == a.stamp && a.stamp.settled(time.Now(), tick))
	return a, nil
}

// read reads the file, or its ends.
func (a *attempt) read(f fs.File) (err error) {
	switch {
	case a.whole:
		a.text = make([]byte, a.stamp.size)
		n, err := readFull(f, a.at, a.text)
		a.text = a.text[:n]
		a.head = a.text[:min(n, endSize)]
		return err
	case a.at != nil:
		a.ends, a.head, err = endsOf(a.at, a.stamp.size)
		return err
	}
	a.head = make([]byte, endSize)
	n, err := readFull(f, nil, a.head)
	a.head = a.head[:n]
	return err
}

// readFull reads until p is full or the file ends.
func readFull(f io.Reader, at io.ReaderAt, p []byte) (n int, err error) {
	if at != nil {
		n, err = at.ReadAt(p, 0)
	} else {
		n, err = io.ReadFull(f, p)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}

// continues reports whether the file that never rests grows at its end, as a log does: then what
// was read is the file of that moment.
func (a *attempt) continues(before *attempt) bool {
	if before == nil || a.stamp.size < before.stamp.size {
		return false
	}
	if before.whole {
		return a.whole && bytes.HasPrefix(a.text, before.text)
	}
	e, _, err := endsOf(a.at, before.stamp.size)
	return err == nil && e == before.ends
}

// accept makes a representation of an attempt. A file that was not read as a whole stays open.
func (l *loader) accept(
	name string, f fs.File, c coding, a *attempt,
) (out loaded, kept bool, err error) {
	out = loaded{head: a.head, stamp: a.stamp}
	if a.stamp.size <= l.small {
		out.representation = inMemory(c, string(a.text))
		return out, false, nil
	}
	big := &large{src: l.src, name: name, stamp: a.stamp, ends: a.ends, at: a.at, growing: !a.rests}
	if a.whole {
		out.representation = copied(c, big, string(a.text))
		return out, false, nil
	}
	if a.at != nil {
		big.file = f
	}
	if !a.young {
		big.os, _ = f.(*os.File)
	}
	if a.at != nil && a.stamp.modified == 0 {
		if err := big.contentSum(); err != nil {
			return loaded{}, false, err
		}
	}
	out.representation = inFile(c, big)
	return out, big.file != nil, nil
}
