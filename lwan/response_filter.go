package lwan

import (
	"io"
	"slices"
)

// install puts the filters before the body, and passes through them what there is of it.
func (r *Response) install() {
	r.unsetText()
	plain := r.body
	r.body = nil
	r.length = -1 // what the filter makes of it is not known
	r.sink = &bodySink{r}
	var w io.Writer = r.sink
	filters := r.filters
	r.filters = nil
	for _, wrap := range slices.Backward(filters) {
		f := wrap(w)
		r.filter = joinFilters(f, r.filter)
		w = f
	}
	if len(plain) > 0 {
		if _, err := r.writeFilter(plain); err != nil {
			r.stick(err)
		}
	}
}

// bodySink is where the last filter writes to. It outlives the Response of a handler that is
// Blocking inside of others: see h1.adopt.
type bodySink struct{ r *Response }

// Write holds everything back while the head is being prepared.
func (a *bodySink) Write(p []byte) (int, error) {
	switch {
	case a.r.state == answerStreaming:
		return a.r.append(p)
	case a.r.state.headOut():
		return 0, ErrOver
	}
	hold(a.r, p)
	return len(p), nil
}

// filterChain writes to the first filter, which writes to the second, and flushes and closes both
// in that order.
type filterChain struct{ first, second io.WriteCloser }

func joinFilters(first, second io.WriteCloser) io.WriteCloser {
	if second == nil {
		return first
	}
	return filterChain{first, second}
}

func (c filterChain) Write(p []byte) (int, error) { return c.first.Write(p) }

func (c filterChain) Flush() error {
	for _, f := range []io.WriteCloser{c.first, c.second} {
		if f, ok := f.(interface{ Flush() error }); ok {
			if err := f.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c filterChain) Close() error {
	if err := c.first.Close(); err != nil {
		return err
	}
	return c.second.Close()
}

// writeFilter passes p through the filters. One that writes to the response would come back here
// for ever.
func (r *Response) writeFilter(p []byte) (int, error) {
	if r.inFilter {
		return 0, r.stick(errWithinFilter)
	}
	r.inFilter = true
	defer func() { r.inFilter = false }()
	return r.filter.Write(p)
}

func (r *Response) flushFilter() error {
	f, ok := r.filter.(interface{ Flush() error })
	if !ok {
		return nil
	}
	r.inFilter = true
	defer func() { r.inFilter = false }()
	return f.Flush()
}

// closeFilter lets the filters write their last bytes. A panic of one is an error of the body.
func (r *Response) closeFilter() {
	f := r.filter
	if f == nil {
		return
	}
	r.filter, r.inFilter = nil, true
	defer func() {
		r.inFilter = false
		if v := recover(); v != nil {
			r.stick(newPanicError(v))
		}
	}()
	if err := f.Close(); err != nil {
		r.stick(err)
	}
}
