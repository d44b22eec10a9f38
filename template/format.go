package template

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// format is the part of a tag behind the bar: {{name | format arg}}.
type format struct {
	name string // "": none
	arg  string // "": none
}

// cutFormat splits what is in a tag. Without blanks around it a bar is a part of
// the name.
func cutFormat(s string) (name string, f format) {
	name, rest, ok := strings.Cut(strings.TrimSpace(s), " | ")
	if !ok {
		return s, format{}
	}
	f.name, f.arg, _ = strings.Cut(strings.TrimSpace(rest), " ")
	f.arg = strings.TrimSpace(f.arg)
	return strings.TrimSpace(name), f
}

// formatter prints a value by a function of Set.Formats.
type formatter struct {
	look  *lookup
	call  reflect.Value
	takes reflect.Type    // the function's first parameter
	arg   []reflect.Value // nil: the function takes none
	raw   bool
	at    *position
}

// formatted compiles a variable with a format. t is nil where only rendering will
// show the type.
func (c *compiler) formatted(e *element, look *lookup, t reflect.Type) node {
	n, err := c.set.formatter(e.format)
	if err == nil && t != nil && !isAny(t) && deref(t).Kind() != reflect.Interface {
		err = n.fits(deref(t))
	}
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	n.look, n.raw, n.at = look, e.raw || c.prog.text, &e.position
	return n
}

// formatter finds a format, and checks that it is one.
func (s *Set) formatter(f format) (*formatter, error) {
	fn, ok := s.Formats[f.name]
	if !ok {
		return nil, fmt.Errorf("no format %q%s", f.name,
			suggest(f.name, slices.Sorted(maps.Keys(s.Formats))))
	}
	n := &formatter{call: reflect.ValueOf(fn)}
	if why := wrongFormat(n.call); why != "" {
		return nil, fmt.Errorf("the format %q %s", f.name, why)
	}
	n.takes = n.call.Type().In(0)
	switch {
	case n.call.Type().NumIn() == 2:
		n.arg = []reflect.Value{reflect.ValueOf(f.arg)}
	case f.arg != "":
		return nil, fmt.Errorf("the format %q takes nothing but the value", f.name)
	}
	return n, nil
}

// wrongFormat says why a value of Set.Formats is no format.
func wrongFormat(f reflect.Value) string {
	const form = "is not of the form func(T) string or func(T, string) (string, error)"
	if f.Kind() != reflect.Func || f.IsNil() {
		return form
	}
	t := f.Type()
	switch {
	case t.IsVariadic(), t.NumIn() < 1, t.NumIn() > 2, t.NumIn() == 2 && t.In(1) != stringType,
		t.NumOut() < 1, t.NumOut() > 2, t.Out(0) != stringType,
		t.NumOut() == 2 && t.Out(1) != errorType:
		return form
	case t.In(0).Kind() == reflect.Pointer:
		return "takes a pointer: it gets what that points to"
	}
	return ""
}

// fits says why a value of type t cannot be given to the function.
func (n *formatter) fits(t reflect.Type) error {
	if t.AssignableTo(n.takes) || t.Kind() == n.takes.Kind() && t.ConvertibleTo(n.takes) {
		return nil
	}
	return fmt.Errorf("a %v cannot be given to a format of a %v", t, n.takes)
}

func (n *formatter) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err == nil {
		v, err = settled(v)
	}
	switch {
	case err != nil:
		return n.at.wrap(err)
	case !v.IsValid(), nilable(v) && v.IsNil():
		return nil
	}
	if err := n.fits(v.Type()); err != nil {
		return n.at.wrap(err)
	}
	if !v.Type().AssignableTo(n.takes) {
		v = v.Convert(n.takes)
	}
	out := n.call.Call(append([]reflect.Value{v}, n.arg...))
	if len(out) == 2 && !out[1].IsNil() {
		return n.at.wrap(out[1].Interface().(error))
	}
	return st.printText(out[0].String(), n.raw)
}

var errNoNumber = errors.New("it is no number")
