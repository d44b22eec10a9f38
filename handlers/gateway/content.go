package gateway

import (
	"io"
	"strings"
	"sync"
	"time"
)

// How the content of an answer goes out. Of a script it is held back up to Limits.Buffer, so that
// the script, of which there are few, is free for others; but for one that says that it streams.
// Else what has come goes out before anything waits for more, and a client that takes nothing makes
// the backend wait: one piece is under way.

const (
	pieceSize = 32 << 10
	// one that is announced and no longer than this goes out in one write, with its head
	oneWrite = 16 << 10
)

// pieces are the buffers, which nobody holds while nothing comes.
var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// copyBody copies the content to the client.
func (x *passage) copyBody(body io.Reader) error {
	holds := x.holdsBack()
	for first := true; ; first = false {
		if first && !holds && !x.g.speaks.buffered(x) && !x.conn.Readable() {
			if err := x.flush(); err != nil { // the client need not wait for the head, too
				return err
			}
		}
		if err := x.wait(); err != nil {
			return err
		}
		if err := x.piece(body, first); err != nil {
			return err
		}
		switch _, end := body.Read(nil); {
		case end == io.EOF:
			return nil
		case end != nil:
			return end
		case holds, x.g.speaks.buffered(x):
		default:
			if err := x.flush(); err != nil {
				return err
			}
		}
	}
}

// wait waits for a piece.
func (x *passage) wait() error {
	if x.g.speaks.buffered(x) || !x.g.records && x.short() { // then reading waits
		return nil
	}
	if d := x.g.Timeouts.Body; d > 0 && x.g.records { // for what is left of a record, too
		_ = x.conn.SetReadDeadline(time.Now().Add(d))
	}
	return x.conn.Wait(x.g.Timeouts.Body)
}

// piece copies what is there.
func (x *passage) piece(body io.Reader, first bool) error {
	buf := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(buf)
	n, err := body.Read(buf[:])
	x.pick.bytesIn.Add(int64(n))
	x.copied += int64(n)
	switch {
	case n > 0 && first && !x.resp.HeadSent(): // it says with which status the answer streams
		x.resp.Data(x.reply.Status, x.resp.Header("Content-Type"), buf[:n])
	case n > 0:
		_, err := x.resp.Write(buf[:n])
		return err
	case err == io.EOF: // copyBody finds it, too
		return nil
	}
	return err
}

// flush lets go out what there is.
func (x *passage) flush() error {
	if !x.resp.HeadSent() {
		return x.resp.SendHead(x.reply.Status)
	}
	return x.resp.Flush()
}

// short reports whether the answer is short, and says so: mostly its content comes with its head.
func (x *passage) short() bool {
	n := x.reply.ContentLength
	return n > 0 && n <= oneWrite
}

// holdsBack reports whether the content goes out when it is complete, and not as it comes.
func (x *passage) holdsBack() bool {
	a := &x.reply
	switch {
	case x.short():
		return true
	case !x.g.holds, strings.EqualFold(a.Header("X-Accel-Buffering"), "no"):
		return false
	}
	media, _, _ := strings.Cut(a.Header("Content-Type"), ";")
	return !strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// interim passes 103 (Early Hints) on: its links.
func (x *passage) interim() error {
	var links []string
	for name, value := range x.reply.Headers() {
		if strings.EqualFold(name, "Link") {
			links = append(links, value)
		}
	}
	return x.resp.EarlyHints(links...)
}
