package template

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// variable prints a value.
type variable struct {
	look *lookup
	how  printer
	raw  bool
	at   *position
}

// A printer is a way to print the values of a type.
type printer int

const (
	printDynamic printer = iota // the type shows only in rendering
	printKind                   // a number, bool, string or []byte
	printMethod                 // by its method Error or String
)

var (
	stringerType = reflect.TypeFor[fmt.Stringer]()
)

// printerFor chooses the way for a static type; nil is dynamic.
func printerFor(t reflect.Type) (printer, error) {
	if isAny(t) {
		return printDynamic, nil
	}
	t = deref(t)
	switch {
	case t.Kind() == reflect.Interface:
		return printDynamic, nil
	case hasText(t):
		return printMethod, nil
	case isLambda(t, 0):
		return 0, errors.New("a lambda belongs in a section")
	case !printable(t):
		return 0, fmt.Errorf(
			"a %v cannot be printed: name a part of it, use a section, or give it a String method",
			t)
	}
	return printKind, nil
}

// hasText finds types that print themselves. Values are made addressable for
// a method of the pointer.
func hasText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(errorType) || p.Implements(stringerType)
}

// printable finds types whose kind says how to print them.
func printable(t reflect.Type) bool {
	switch k := t.Kind(); k {
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	case reflect.String:
		return true
	default:
		return k >= reflect.Bool && k <= reflect.Complex128
	}
}

func (n *variable) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err != nil {
		return n.at.wrap(err)
	}
	if v = indirect(v); !v.IsValid() {
		return nil
	}
	switch n.how {
	case printKind:
		return st.printKind(v, n.raw)
	case printMethod:
		return st.printText(textOf(v), n.raw)
	}
	return n.renderDynamic(st, v)
}

// renderDynamic finds the way now.
func (n *variable) renderDynamic(st *state, v reflect.Value) error {
	v, err := settled(v)
	switch {
	case err != nil:
		return n.at.wrap(err)
	case !v.IsValid():
		return nil
	}
	how, err := printerFor(v.Type())
	switch {
	case err != nil && nilable(v) && v.IsNil():
		return nil
	case err != nil:
		return n.at.wrap(err)
	case how == printMethod:
		return st.printText(textOf(v), n.raw)
	}
	return st.printKind(v, n.raw)
}

// nilable finds the kinds left after indirect that have a nil.
func nilable(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return true
	}
	return false
}

// textOf calls Error or String, the former first as fmt does.
func textOf(v reflect.Value) string {
	if !v.CanAddr() && !v.Type().Implements(errorType) && !v.Type().Implements(stringerType) {
		v = addressable(v)
	}
	if v.CanAddr() {
		v = v.Addr()
	}
	switch x := v.Interface().(type) {
	case error:
		return x.Error()
	case fmt.Stringer:
		return x.String()
	}
	return ""
}

func (st *state) printText(s string, raw bool) error {
	if raw {
		return st.write(s)
	}
	return st.writeEscaped(s)
}

// printKind prints the kinds that printable names. Of these only text can have
// something to escape.
func (st *state) printKind(v reflect.Value, raw bool) error {
	switch k := v.Kind(); {
	case k == reflect.String:
		return st.printText(v.String(), raw)
	case k == reflect.Slice:
		return st.printText(string(v.Bytes()), raw)
	case k == reflect.Bool:
		st.buf = strconv.AppendBool(st.buf, v.Bool())
	case v.CanInt():
		st.buf = strconv.AppendInt(st.buf, v.Int(), 10)
	case v.CanUint():
		st.buf = strconv.AppendUint(st.buf, v.Uint(), 10)
	case v.CanFloat():
		st.buf = appendFloat(st.buf, v.Float(), v.Type().Bits())
	default:
		st.buf = fmt.Append(st.buf, v.Complex())
	}
	return st.flushFull()
}

// appendFloat writes a number the way people and JSON do: without an exponent
// unless it is very large or small.
func appendFloat(buf []byte, f float64, bits int) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(buf, f, format, -1, bits)
}
