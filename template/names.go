package template

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
)

// names is what a template can say of a Go type: its fields and methods.
type names struct {
	typ     reflect.Type
	members map[string]member
	refused map[string]string // names that exist but cannot be used, and why
}

// member is one field or method.
type member struct {
	name    string
	result  reflect.Type // of the field, or what the method returns
	field   []int        // index path of a field; nil for a method
	value   int          // index of a method in the value's method set, or -1
	pointer int          // index of a method in the pointer's method set, or -1
	lambda  bool         // a method that is a lambda: not called, but handed on
}

// knownNames keeps the names of each type, for the compiler and for values
// whose type shows only in rendering. It grows with the program's types only.
var knownNames sync.Map // reflect.Type -> *names

// namesOf gives the names of a type that is no pointer.
func namesOf(t reflect.Type) *names {
	if n, ok := knownNames.Load(t); ok {
		return n.(*names)
	}
	n := &names{typ: t, members: map[string]member{}, refused: map[string]string{}}
	if t.Kind() == reflect.Struct {
		n.addFields()
	}
	n.addMethods()
	kept, _ := knownNames.LoadOrStore(t, n)
	return kept.(*names)
}

// addFields follows Go: what x.Name would select, under its template name.
func (n *names) addFields() {
	for _, f := range reflect.VisibleFields(n.typ) {
		name := f.Name
		if tag, ok := f.Tag.Lookup("mustache"); ok {
			name = tag
		}
		switch old, taken := n.members[name]; {
		case !f.IsExported():
			n.refuse(f.Name, "is not exported")
		case name == "-":
			n.refuse(f.Name, `is hidden by its tag mustache:"-"`)
		case taken && len(old.field) < len(f.Index):
			// An outer field hides one of an embedded struct.
		case taken && len(old.field) == len(f.Index):
			n.refuse(name, "names two fields")
		default:
			delete(n.refused, name) // two deeper fields that it hides
			n.members[name] = member{
				name: name, result: f.Type, field: f.Index, value: -1, pointer: -1,
			}
			if name != f.Name {
				n.refuse(f.Name, fmt.Sprintf("is called %q by its tag", name))
			}
		}
	}
	for name, why := range n.refused {
		if why == "names two fields" {
			delete(n.members, name)
		}
	}
}

func (n *names) refuse(name, why string) {
	if n.refused[name] == "" {
		n.refused[name] = why
	}
}

// addMethods adds those that can be called without arguments, and lambdas. The
// pointer's method set has the value's methods too.
func (n *names) addMethods() {
	set, receiver := n.typ, 0
	if n.typ.Kind() != reflect.Interface {
		set, receiver = reflect.PointerTo(n.typ), 1
	}
	for m := range set.Methods() {
		if _, taken := n.members[m.Name]; taken || !m.IsExported() {
			continue
		}
		sig := signatureOf(m.Type, receiver)
		if sig.why != "" {
			n.refuse(m.Name, sig.why)
			continue
		}
		x := member{
			name: m.Name, result: sig.result, value: -1, pointer: m.Index, lambda: sig.lambda,
		}
		if v, ok := n.typ.MethodByName(m.Name); ok {
			x.value = v.Index
		}
		n.members[m.Name] = x
	}
}

// list gives the usable names in order, for suggestions.
func (n *names) list() []string { return slices.Sorted(maps.Keys(n.members)) }

// signature is what a template can do with a function or method.
type signature struct {
	result reflect.Type // of the call
	lambda bool
	why    string // it cannot be used
}

var (
	errorType  = reflect.TypeFor[error]()
	stringType = reflect.TypeFor[string]()
)

// signatureOf looks at a function type; skip leaves out the receiver.
func signatureOf(t reflect.Type, skip int) signature {
	if isLambda(t, skip) {
		bound := reflect.FuncOf([]reflect.Type{t.In(skip), t.In(skip + 1)},
			[]reflect.Type{t.Out(0), t.Out(1)}, false)
		return signature{result: bound, lambda: true}
	}
	switch {
	case t.NumIn() > skip:
		return signature{why: "takes arguments"}
	case t.NumOut() == 0:
		return signature{why: "returns nothing"}
	case t.NumOut() == 2 && t.Out(1) != errorType:
		return signature{why: "has a second result that is no error"}
	case t.NumOut() > 2:
		return signature{why: "returns too much"}
	}
	return signature{result: t.Out(0)}
}

// deref gives the type behind pointers. Go allows a type that is a pointer to
// itself, so there is a bound.
func deref(t reflect.Type) reflect.Type {
	for range maxIndirections {
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// maxIndirections bounds pointers to pointers, in types and in values.
const maxIndirections = 16

// isDynamic finds types whose names show only in rendering: any, and maps.
func isDynamic(t reflect.Type) bool { return isAny(t) || isStringMap(t) }

func isAny(t reflect.Type) bool {
	return t == nil || t.Kind() == reflect.Interface && t.NumMethod() == 0
}

func isStringMap(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Map && t.Key().Kind() == reflect.String
}
