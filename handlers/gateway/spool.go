package gateway

import (
	"context"
	"errors"
	"io"
	"os"
)

// spool keeps the content in a file that has no name any more, so that its length is known and a
// slow client holds nothing else. The file is the passage's until its end; what it takes of the
// disk is bounded by Limits.Body.
func (x *passage) spool() (err error) {
	if x.file, err = createSpool(x); err != nil {
		return err
	}
	buf := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(buf)
	body, total := x.req.Body(), int64(0)
	for {
		n, end := body.Read(buf[:]) // parks while the client sends nothing
		if n > 0 {
			err := x.req.Await(func(context.Context) error {
				_, err := x.file.Write(buf[:n])
				return err
			})
			if err != nil {
				return err
			}
			total += int64(n)
		}
		switch {
		case end == io.EOF:
			_, err := x.file.Seek(0, io.SeekStart)
			x.length, x.held = total, true
			return err
		case end != nil:
			return end
		}
	}
}

// createSpool makes a file without a name.
func createSpool(x *passage) (f *os.File, err error) {
	err = x.req.Await(func(context.Context) (err error) {
		if f, err = os.CreateTemp("", "golwan-spool-"); err != nil {
			return err
		}
		if err = os.Remove(f.Name()); err != nil {
			err = errors.Join(err, f.Close())
			f = nil
		}
		return err
	})
	if err != nil && f != nil {
		_ = f.Close() // the request is over
		f = nil
	}
	return f, err
}
