package webdav

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tooLarge answers 413 for a body that is: whoever reads it has another status for that.
type tooLarge struct {
	http.ResponseWriter
	body *watched
}

// watched remembers that a body is too large.
type watched struct {
	io.ReadCloser
	large bool
}

// Read implements io.Reader.
func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	var large *http.MaxBytesError
	b.large = b.large || errors.As(err, &large)
	return n, err
}

// WriteHeader implements http.ResponseWriter.
func (w *tooLarge) WriteHeader(status int) {
	if w.body.large {
		status = http.StatusRequestEntityTooLarge
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter. The text is that of the other status.
func (w *tooLarge) Write(p []byte) (int, error) {
	if w.body.large {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// boundTimeout makes a client ask for no longer than a lock lasts, since it is told what it has
// asked for (RFC 4918 section 10.7). What is malformed stays so.
func boundTimeout(h http.Header, longest time.Duration) {
	first, _, _ := strings.Cut(h.Get("Timeout"), ",")
	first = strings.TrimSpace(first)
	seconds, counted := strings.CutPrefix(first, "Second-")
	most := int64(longest / time.Second)
	n, err := strconv.ParseUint(seconds, 10, 63)
	switch {
	case first == "", first == "Infinite", counted && errors.Is(err, strconv.ErrRange),
		counted && err == nil && n > uint64(most):
		h.Set("Timeout", "Second-"+strconv.FormatInt(most, 10))
	}
}
