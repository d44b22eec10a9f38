package cache

import (
	"errors"
	"fmt"
	"runtime/debug"
)

var (
	// ErrClosed is returned by Get when the cache is closed, or was closed while Get waited.
	ErrClosed = errors.New("cache: closed")

	// ErrConfig is returned, wrapped with the name of the field, by Err and by every Get of a cache
	// whose Config contradicts itself.
	ErrConfig = errors.New("cache: wrong configuration")

	// ErrSize is returned by Get, wrapped with the number, when Size gave a negative one.
	ErrSize = errors.New("cache: negative size")

	// ErrGoexit is returned by Get when Create ended its goroutine (runtime.Goexit, or FailNow of a
	// test).
	ErrGoexit = errors.New("cache: Create ended its goroutine")

	// ErrCycle is returned by a Get inside Create when the value that it would wait for waits for
	// the one being made, so that neither would ever be. It is noticed if Get was given the context
	// that Create was given, and for values of one cache. Looking for it takes time that is linear
	// in what the value waits for, and holds up only other Gets inside Create.
	ErrCycle = errors.New("cache: value needs itself")
)

// PanicError is the error of a function of the Config that panicked: of Get for Create and Size, of
// Err and Close for Destroy.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // as debug.Stack has it
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("cache: panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the value given to panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError is called by the deferred function that recovered p, while the stack is still that
// of the panic.
func newPanicError(p any) *PanicError {
	return &PanicError{Value: p, Stack: debug.Stack()}
}
