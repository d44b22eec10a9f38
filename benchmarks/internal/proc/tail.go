package proc

import "sync"

// tailSize is how much output is kept.
const tailSize = 4 << 10

// tail is a writer that remembers the end of what was written. The zero value is empty.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

// Write keeps the last tailSize bytes; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
