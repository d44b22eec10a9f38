package template

import (
	"reflect"
)

// A lookup is a compiled name. If dynamic is set, the run of frames on top is
// searched for it first. Then it is found by its path from the frame of the
// scope that lies up levels below the top; -1 if no type of the stack has it.
type lookup struct {
	dynamic []string
	up      int
	path    []step
}

// A step goes from a value to a part of it. It is given no pointers and no
// invalid value, and gives the invalid value for what is not there.
type step interface {
	take(v reflect.Value) (reflect.Value, error)
}

// find gives the value of a name, the invalid value if there is none.
func (l *lookup) find(st *state) (reflect.Value, error) {
	if l.dynamic != nil {
		v, ok, err := st.search(l.dynamic)
		if ok || err != nil || l.up < 0 {
			return v, err
		}
	}
	return walk(st.frame(l.up).v, l.path)
}

// walk takes the steps one after the other; nil on the way is nothing.
func walk(v reflect.Value, path []step) (reflect.Value, error) {
	for _, s := range path {
		if v = indirect(v); !v.IsValid() {
			return v, nil
		}
		var err error
		if v, err = s.take(v); err != nil {
			return reflect.Value{}, err
		}
	}
	return v, nil
}

// search looks for a name in the run of dynamic frames. The frame that has its
// first part is the one: the other parts are looked up in that value alone.
func (st *state) search(parts []string) (v reflect.Value, ok bool, err error) {
	for f := st.top; ; f = f.parent {
		if v, ok, err = memberOf(f.v, parts[0]); ok || err != nil {
			break
		}
		if !f.joined {
			return reflect.Value{}, false, nil
		}
	}
	for _, part := range parts[1:] {
		if err != nil {
			break
		}
		v, _, err = memberOf(v, part)
	}
	return v, err == nil, err
}

// memberOf looks up one name in a value whose type shows only now.
func memberOf(v reflect.Value, name string) (reflect.Value, bool, error) {
	v, err := settled(v)
	if err != nil || !v.IsValid() {
		return reflect.Value{}, false, err
	}
	if v.Kind() == reflect.Map {
		if m, ok := plainMap(v); ok {
			x, ok := m[name]
			return reflect.ValueOf(x), ok, nil
		}
	}
	if m, ok := namesOf(v.Type()).members[name]; ok {
		v, err = stepTo(v.Type(), m).take(v)
		return v, true, err
	}
	if isStringMap(v.Type()) {
		v = v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key()))
		return v, v.IsValid(), nil
	}
	return reflect.Value{}, false, nil
}

// plainMap is the short way for the map that decoded JSON and most untyped
// data is made of.
func plainMap(v reflect.Value) (map[string]any, bool) {
	if v.Type() != plainMapType {
		return nil, false
	}
	m, ok := v.Interface().(map[string]any)
	return m, ok
}

var plainMapType = reflect.TypeFor[map[string]any]()

// indirect gives what pointers and interfaces hold, the invalid value for nil.
func indirect(v reflect.Value) reflect.Value {
	for range maxIndirections {
		if k := v.Kind(); k != reflect.Pointer && k != reflect.Interface {
			return v
		}
		v = v.Elem()
	}
	return reflect.Value{} // data that points at itself
}

// settled is indirect that also calls functions without arguments.
func settled(v reflect.Value) (reflect.Value, error) {
	for range maxIndirections {
		if v = indirect(v); v.Kind() != reflect.Func || v.IsNil() {
			return v, nil
		}
		if t := v.Type(); isLambda(t, 0) || isSequence(t) || signatureOf(t, 0).why != "" {
			return v, nil
		}
		var err error
		if v, err = call(v); err != nil {
			return v, err
		}
	}
	return reflect.Value{}, nil
}

// call calls a function or method value of no arguments.
func call(f reflect.Value) (reflect.Value, error) {
	out := f.Call(nil)
	if len(out) == 2 && !out[1].IsNil() {
		return reflect.Value{}, out[1].Interface().(error)
	}
	return out[0], nil
}

// stepTo gives the step from a value of type t to its field or method.
func stepTo(t reflect.Type, m member) step {
	switch {
	case len(m.field) == 1:
		return fieldStep(m.field[0])
	case m.field != nil:
		return promotedStep(m.field)
	}
	return &methodStep{of: t, name: m.name, value: m.value, pointer: m.pointer, bind: m.lambda}
}

type fieldStep int

func (s fieldStep) take(v reflect.Value) (reflect.Value, error) { return v.Field(int(s)), nil }

// promotedStep goes to a field through embedded structs; one of them may be
// reached by a pointer that is nil.
type promotedStep []int

func (s promotedStep) take(v reflect.Value) (reflect.Value, error) {
	for i, at := range s {
		if i > 0 {
			if v = indirect(v); !v.IsValid() {
				return v, nil
			}
		}
		v = v.Field(at)
	}
	return v, nil
}

// keyStep is a part of a dotted name in a map.
type keyStep struct{ key reflect.Value }

func (s *keyStep) take(v reflect.Value) (reflect.Value, error) { return v.MapIndex(s.key), nil }

// dynamicStep is a part of a dotted name in a value of type any.
type dynamicStep struct{ name string }

func (s *dynamicStep) take(v reflect.Value) (reflect.Value, error) {
	v, _, err := memberOf(v, s.name)
	return v, err
}

// callStep calls a function that a field holds.
type callStep struct{}

func (callStep) take(v reflect.Value) (reflect.Value, error) {
	if v.IsNil() {
		return reflect.Value{}, nil
	}
	return call(v)
}

// methodStep calls a method, or binds one that is a lambda.
type methodStep struct {
	of             reflect.Type
	name           string
	value, pointer int
	bind           bool
}

func (s *methodStep) take(v reflect.Value) (reflect.Value, error) {
	m := s.method(v)
	if s.bind {
		return m, nil
	}
	return call(m)
}

func (s *methodStep) method(v reflect.Value) reflect.Value {
	switch {
	case s.of.Kind() == reflect.Interface:
		// Here v is what the interface held, or what a pointer in it points to.
		if v.CanAddr() && !v.Type().Implements(s.of) {
			v = v.Addr()
		}
		return v.MethodByName(s.name)
	case v.CanAddr():
		return v.Addr().Method(s.pointer)
	case s.value >= 0:
		return v.Method(s.value)
	}
	return addressable(v).Addr().Method(s.pointer)
}

// addressable copies a value to where a method with a pointer receiver can be
// called on it.
func addressable(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}
