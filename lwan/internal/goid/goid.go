// Package goid tells goroutines apart, by their number and by what they run.
package goid

import (
	"bytes"
	"runtime"
	"strconv"
	"strings"
)

// Current is the number of the calling goroutine, for the cases in which nothing cheaper tells it
// apart from another one: it takes about a microsecond. It is 0, which no goroutine has, if the
// runtime does not say it any more.
func Current() uint64 {
	var buf [64]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	b, _, _ = bytes.Cut(b, []byte(" "))
	n, _ := strconv.ParseUint(string(b), 10, 64)
	return n
}

// CalledBy reports whether the calling goroutine has been called by a function of that name, as
// "lwan.(*aside).run".
func CalledBy(function string) bool {
	pcs := make([]uintptr, 512)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, function) {
			return true
		}
		if !more {
			return false
		}
	}
}
