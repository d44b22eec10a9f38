package lwantest

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
)

// goroutine is what the runtime writes about one. Coroutines are among them.
type goroutine struct {
	id      int
	creator int // id of the goroutine that started it; 0 for the first of the process
	stack   string
}

// allGoroutines lists those that exist now.
func allGoroutines() (list []goroutine, err error) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 2); err != nil {
		return nil, fmt.Errorf("the goroutines cannot be listed: %w", err)
	}
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if id, ok := headID(stack); ok {
			list = append(list, goroutine{id: id, creator: creatorID(stack), stack: stack})
		}
	}
	return list, nil
}

// headID reads the number in the first line of a stack: "goroutine 12 [chan receive, 2 minutes]:".
func headID(stack string) (id int, ok bool) {
	text, ok := strings.CutPrefix(strings.TrimLeft(stack, "\n"), "goroutine ")
	if !ok {
		return 0, false
	}
	text, _, _ = strings.Cut(text, " ")
	id, err := strconv.Atoi(text)
	return id, err == nil
}

// creatorID reads the number at the end of a line "created by main.main in goroutine 1".
func creatorID(stack string) int {
	_, text, _ := strings.Cut(stack, "\ncreated by ")
	line, _, _ := strings.Cut(text, "\n")
	_, text, _ = strings.Cut(line, " in goroutine ")
	id, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return id
}

// firstLine is that of the calling goroutine's stack.
func firstLine() string {
	b := make([]byte, 128)
	line, _, _ := strings.Cut(string(b[:runtime.Stack(b, false)]), "\n")
	return line
}

// currentID is the number of the calling goroutine. Numbers are never used again.
func currentID() int {
	id, _ := headID(firstLine()) // the runtime always writes it
	return id
}

// inBubble reports whether the calling goroutine is in a bubble of testing/synctest.
func inBubble() bool { return strings.Contains(firstLine(), "synctest bubble") }
