package handlers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan"
)

// AccessLog writes a line for each answer to w, once it has ended (a stream, or a subscription to a
// topic, may take hours until then), in Combined Log Format with the seconds that it took behind
// it:
//
//	192.0.2.7 - - [21/Nov/2025:03:06:00 +0000] "GET /a?b HTTP/1.1" 200 512 "-" "curl/8" 0.000214
//
// A field that is missing is "-", as is the request line of a request that could not be parsed.
// Status 499 is a client that left before its answer began. Bytes are those of the body that were
// sent, seconds those from the request's head to the end. The time is that of the request's head,
// the third word the user of UserKey.
// All that comes from a client is printable ASCII, with quotes, backslashes and other bytes as
// \xHH, so that no client writes log lines or terminal commands of its own; a value longer than 2
// KiB is cut off.
//
// Lines are collected for 100 ms and written together by a goroutine of the log's own, which lives
// from this call to Close: the server closes its observers. A line never waits for w. While 1 MiB
// is waiting for it, lines are dropped; a line "# 12 lines dropped" says so later, also for lines
// that w has refused with an error. nil is os.Stderr; w is not closed.
func AccessLog(w io.Writer) lwan.Observer { return AccessLogOf(w, CombinedLine) }

// AccessLogOf is AccessLog with lines of another form: JSONLine, what ParseLogLine makes, or one of
// a program's own.
func AccessLogOf(w io.Writer, line LogLine) lwan.Observer {
	if w == nil {
		w = os.Stderr
	}
	l := &accessLog{
		w: w, line: line,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l
}

const (
	maxPending  = 1 << 20
	logEvery    = 100 * time.Millisecond
	logPatience = 5 * time.Second // of Close, with a writer that hangs
)

// accessLog is a queue of lines and the goroutine that empties it.
//
//	Done ──append──▶ pending ──swap──▶ batch ──▶ w
type accessLog struct {
	w    io.Writer
	line LogLine
	wake chan struct{} // pending has something to write, or a lot; one wake-up is enough
	quit chan struct{} // closed by Close
	done chan struct{} // closed when the goroutine has ended
	once sync.Once     // of quit

	lines sync.Pool // of *[]byte, for Done

	mu      sync.Mutex
	pending []byte // whole lines
	count   int    // of them
	dropped int    // since the last line that says so
	closed  bool
	failure error // the first of w
}

// Done implements lwan.Observer.
func (l *accessLog) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) {
	line, ok := l.lines.Get().(*[]byte)
	if !ok {
		line = new([]byte)
	}
	*line = l.line((*line)[:0], req, resp, took)
	if l.add(*line) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	l.lines.Put(line)
}

// add queues a line, and reports whether the goroutine has to know: of the first line, and when
// half the room is taken.
func (l *accessLog) add(line []byte) (wake bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.pending)
	if l.closed || before+len(line) > maxPending {
		l.dropped++
		return false
	}
	l.pending = append(l.pending, line...)
	l.count++
	return before == 0 || before < maxPending/2 && len(l.pending) >= maxPending/2
}

// run writes what Done queues, until Close.
func (l *accessLog) run() {
	defer close(l.done)
	var batch []byte
	for {
		select {
		case <-l.wake:
		case <-l.quit:
			l.write(batch)
			return
		}
		pause := time.NewTimer(logEvery)
		select {
		case <-pause.C:
		case <-l.wake:
		case <-l.quit:
		}
		pause.Stop()
		batch = l.write(batch)
	}
}

// write writes what is pending; batch is an array to queue into meanwhile.
func (l *accessLog) write(batch []byte) []byte {
	l.mu.Lock()
	batch, l.pending = l.pending, batch[:0]
	count, dropped := l.count, l.dropped
	l.count, l.dropped = 0, 0
	l.mu.Unlock()
	if dropped > 0 {
		batch = fmt.Appendf(batch, "# %d lines dropped\n", dropped)
	}
	if len(batch) == 0 {
		return batch
	}
	if _, err := l.w.Write(batch); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropped += count + dropped
		if l.failure == nil {
			l.failure = err
		}
	}
	return batch
}

// Close implements lwan.Observer: it writes what is queued, and returns the first error of the
// writer. One that does not return within 5 s is given up.
func (l *accessLog) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.once.Do(func() { close(l.quit) })
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case <-l.done:
	case <-late.C:
		return errors.New("handlers: the access log's writer hangs; lines are lost")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure != nil {
		return fmt.Errorf("handlers: access log: %w; %d lines are lost", l.failure, l.dropped)
	}
	return nil
}
