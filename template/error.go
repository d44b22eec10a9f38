package template

import (
	"errors"
	"fmt"

	"github.com/cbroglie/mustache"
)

var (
	// ErrCycle is returned by Compile and Load when a partial includes itself
	// and no section in between moves to other data, so that no data at all
	// could end the rendering. The text of the error names the cycle.
	ErrCycle = errors.New("partials include each other without end")

	// ErrDepth is returned by Render when recursive partials or lambdas nest
	// deeper than the data of a page ever should: 1,000 partials (data that
	// points back at itself) or 32 lambdas (one that renders itself).
	ErrDepth = errors.New("nested too deep")

	errNotCompiled = errors.New("template: a Template or Page that was not made by Compile or Load")
)

// Error says where in a template something is wrong. Compile and Load return
// several of them joined, one for each wrong tag; Render returns one, unless
// it is the writer that failed: its error comes back as it is.
type Error struct {
	Name string // of the template or partial
	Line int    // of the tag, from 1
	Tag  string // as it is written, shortened; empty where no tag is to blame
	Err  error  // what is wrong; errors.As finds a mustache.ParseError for bad syntax
}

func (e *Error) Error() string {
	if e.Tag == "" {
		return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err)
	}
	return fmt.Sprintf("%s:%d: %s: %v", e.Name, e.Line, e.Tag, e.Err)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// PanicError is what Render returns, inside an Error, for a method, function
// or sequence of the data that panicked.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // of the panic, as debug.Stack prints it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the value of the panic where it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// position is a tag for error messages. It is made once, at compile time.
type position struct {
	name string
	line int
	tag  string
}

func (p *position) wrap(err error) error {
	return &Error{Name: p.name, Line: p.line, Tag: p.tag, Err: err}
}

// syntaxError has words of ours and a code of the library's, so that a program
// that already knows mustache.ParseError keeps working.
type syntaxError struct {
	message string
	parse   mustache.ParseError
}

func (e *syntaxError) Error() string { return e.message }
func (e *syntaxError) Unwrap() error { return e.parse }
