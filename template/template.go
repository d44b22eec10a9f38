package template

import (
	"fmt"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
)

// Template renders values of type T. It is made by Compile or Load, and may be
// used by any number of goroutines.
type Template[T any] struct {
	text    bool
	current atomic.Pointer[program]
	reload  *reloader
	pool    sync.Pool // of *job[T]
}

// job is a rendering with a copy of its data, to which methods with a pointer
// receiver can be applied.
type job[T any] struct {
	state
	data T
}

// Compile makes a template of its source. The name is for error messages, and
// {{> name}} in a partial means this source. The errors are of type *Error,
// joined, and name each wrong tag with its line.
func Compile[T any](name, source string, s Set) (*Template[T], error) {
	return compile[T](s, func() *unit {
		return &unit{name: name, source: source, given: true}
	})
}

// Load makes a template of a file of the set, or of an entry of its map. An
// error for one that does not exist wraps fs.ErrNotExist.
func Load[T any](s Set, name string) (*Template[T], error) {
	return compile[T](s, func() *unit { return s.unit(name) })
}

// Must gives the template, and panics on an error. It is for package
// variables: a misspelt tag stops the program at start-up.
func Must[T any](t *Template[T], err error) *Template[T] {
	if err != nil {
		panic(err)
	}
	return t
}

// compile makes a template of what page reads.
func compile[T any](s Set, page func() *unit) (*Template[T], error) {
	build := func() (*program, error) {
		p, err := compilePage(s, page(), reflect.TypeFor[T]())
		if err != nil {
			err = fmt.Errorf("template: %w", err)
		}
		return p, err
	}
	p, err := build()
	if err != nil {
		return nil, err
	}
	t := &Template[T]{text: s.Text}
	t.current.Store(p)
	if s.Reload {
		t.reload = &reloader{set: s, build: build, units: p.units}
	}
	return t, nil
}

// Render writes the template with the data to w, in pieces of about 32 KiB and
// what remains: a smaller page is one Write, and nothing is written if it
// fails. An error of w is returned as it is; any other is an *Error that names
// the tag. A panic in a method of the data is such an error too.
func (t *Template[T]) Render(w io.Writer, data T) error {
	if t.reload != nil {
		t.reload.check(&t.current)
	}
	p := t.current.Load()
	if p == nil {
		return errNotCompiled
	}
	j, ok := t.pool.Get().(*job[T])
	if !ok {
		j = new(job[T])
	}
	j.data = data
	err := j.run(p, w, reflect.ValueOf(&j.data).Elem())
	var none T
	j.data = none
	t.pool.Put(j)
	return err
}

// With ties data to the template, checked by the compiler:
//
//	resp.Render(200, home.With(Home{Title: "Hello"}))
func (t *Template[T]) With(data T) Page {
	return Page{&bound[T]{t, data}}
}
