package files

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/golwan/golwan/lwan"
)

// large is a file that is not kept in memory, but open. Several answers read from it at the same
// time, each from its own place.
type large struct {
	src  source
	name string
	// nil if it can only be read from its beginning: then each answer opens its own
	file fs.File
	os   *os.File    // file, if the kernel is to send it by itself
	at   io.ReaderAt // file
	sum  string      // of the content, if the file has no time that tells its states apart

	stamp   stamp
	ends    ends
	growing bool // it never came to rest: something is written to its end again and again
}

// ends are sums of the first and the last bytes of a file, with which one that has only grown is
// told from one that was written anew.
type ends struct{ head, tail [sha256.Size]byte }

const endSize = 4096

func endsOf(at io.ReaderAt, size int64) (e ends, head []byte, err error) {
	buf := make([]byte, 2*endSize)
	n := min(size, endSize)
	for i, off := range []int64{0, size - n} {
		if _, err := at.ReadAt(buf[i*endSize:][:n], off); err != nil && err != io.EOF {
			return e, nil, err
		}
	}
	e = ends{sha256.Sum256(buf[:n]), sha256.Sum256(buf[endSize:][:n])}
	return e, buf[:n:n], nil
}

// errChanged says that a file was changed while it was sent. The answer is cut, so that the client
// sees it.
var errChanged = errors.New("the file has changed while it was sent")

// now is the stamp of this moment. It asks for the attributes of an open descriptor, which are in
// memory.
func (l *large) now() (stamp, error) {
	if f, ok := l.file.(*os.File); ok {
		return currentStamp(f)
	}
	fi, err := l.file.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stampOf(fi), nil
}

// stale reports whether the file is known to have changed, before anything of it is sent. A file
// that grows all the time is not stale as long as it still has what it had.
func (l *large) stale() bool {
	if l.file == nil { // it is looked at when it is opened
		return false
	}
	now, err := l.now()
	return err == nil && now != l.stamp && !(l.growing && now.size >= l.stamp.size)
}

// check is called when everything but the end of an answer was sent: the end may follow if it
// returns nil. For a file that has grown at its end the beginning is still what it was, and that
// was promised. Only for a file that was changed something is read, by a goroutine.
func (l *large) check(req *lwan.Request) error {
	now, err := l.now()
	switch {
	case err != nil:
		return err
	case now == l.stamp:
		return nil
	case now.size < l.stamp.size || l.at == nil:
		return errChanged
	}
	return req.Await(func(context.Context) error { return l.same() })
}

// same reports, as an error, whether the ends of the part that is served are not what they were.
func (l *large) same() error {
	e, _, err := endsOf(l.at, l.stamp.size)
	if err == nil && e != l.ends {
		err = errChanged
	}
	return err
}

// contentSum reads all of a file that has no time.
func (l *large) contentSum() error {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(l.at, 0, l.stamp.size)); err != nil {
		return err
	}
	l.sum = base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
	return nil
}

func (l *large) close() {
	if l.file != nil {
		l.file.Close() // it was only read: an error would have nothing to say
	}
}
