package template

import (
	"fmt"
	"reflect"
)

// A node is a compiled element.
type node interface {
	render(st *state) error
}

// body is what a section or a partial contains.
type body struct{ nodes []node }

func (b *body) render(st *state) error {
	for _, n := range b.nodes {
		if err := n.render(st); err != nil {
			return err
		}
	}
	return nil
}

// sectionKind is what a section does with values of a type.
type sectionKind int

const (
	sectionDynamic  sectionKind = iota // finds out in rendering
	sectionOne                         // once, if the value is not empty
	sectionList                        // for each element
	sectionSequence                    // for each element, as it is produced
	sectionLambda                      // a function gets the text
)

// sectionFor chooses for a static type; nil is dynamic.
func sectionFor(t reflect.Type) (sectionKind, error) {
	if isAny(t) {
		return sectionDynamic, nil
	}
	t = deref(t)
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return sectionOne, nil
		}
		return sectionList, nil
	case reflect.Array:
		return sectionList, nil
	case reflect.Func:
		switch {
		case isSequence(t):
			return sectionSequence, nil
		case isLambda(t, 0):
			return sectionLambda, nil
		}
		return 0, fmt.Errorf("a %v is no sequence and no lambda", t)
	case reflect.Chan, reflect.UnsafePointer:
		return 0, fmt.Errorf("a %v cannot be a section", t)
	}
	return sectionOne, nil
}

// one renders its body once if the value is there and not empty.
type one struct {
	look *lookup
	body *body
	at   *position
}

func (n *one) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err != nil {
		return n.at.wrap(err)
	}
	if v = indirect(v); !truth(v) {
		return nil
	}
	return renderOne(st, v, n.body, false)
}

func renderOne(st *state, v reflect.Value, b *body, joined bool) error {
	st.push(v, joined)
	if err := b.render(st); err != nil {
		return err
	}
	st.pop()
	return nil
}

// list renders its body for each element.
type list struct {
	look *lookup
	body *body
	at   *position
}

func (n *list) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err != nil {
		return n.at.wrap(err)
	}
	if v = indirect(v); !v.IsValid() {
		return nil
	}
	return renderList(st, v, n.body, false)
}

func renderList(st *state, v reflect.Value, b *body, joined bool) error {
	n := v.Len()
	if n == 0 {
		return nil
	}
	f := st.push(reflect.Value{}, joined)
	for i := range n {
		f.v = indirect(v.Index(i))
		if err := b.render(st); err != nil {
			return err
		}
	}
	st.pop()
	return nil
}

// inverted renders its body if the value is not there or empty. It pushes
// nothing.
type inverted struct {
	look *lookup
	body *body
	at   *position
}

func (n *inverted) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err == nil {
		v, err = settled(v)
	}
	if err != nil {
		return n.at.wrap(err)
	}
	if v.IsValid() && isSequence(v.Type()) && !v.IsNil() {
		return n.at.wrap(fmt.Errorf("whether a %v is empty cannot be told beforehand", v.Type()))
	}
	if truth(v) {
		return nil
	}
	return n.body.render(st)
}

// zeroer is how a struct says that it is empty; time.Time does.
type zeroer interface{ IsZero() bool }

var zeroerType = reflect.TypeFor[zeroer]()

// truth tells what is there and not empty: not nil, false, zero, "", an empty
// list, or a struct that says IsZero. Other structs, and maps, are always true,
// as the specification has it.
func truth(v reflect.Value) bool {
	switch k := v.Kind(); k {
	case reflect.Invalid:
		return false
	case reflect.Struct:
		return !isZero(v)
	case reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return !v.IsNil()
	case reflect.String, reflect.Slice, reflect.Array:
		return v.Len() > 0
	}
	return !v.IsZero()
}

func isZero(v reflect.Value) bool {
	if !reflect.PointerTo(v.Type()).Implements(zeroerType) {
		return false
	}
	if !v.CanAddr() {
		v = addressable(v)
	}
	return v.Addr().Interface().(zeroer).IsZero()
}

// dynamic is a section whose value shows only in rendering.
type dynamic struct {
	look   *lookup
	body   *body
	joined bool // to the run of dynamic frames on top
	at     *position
	lambda *lambda // what to do with a function
}

func (n *dynamic) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err == nil {
		v, err = settled(v)
	}
	if err != nil {
		return n.at.wrap(err)
	}
	if !truth(v) {
		return nil
	}
	kind, err := sectionFor(v.Type())
	switch {
	case err != nil:
		return n.at.wrap(err)
	case kind == sectionList:
		return renderList(st, v, n.body, n.joined)
	case kind == sectionSequence:
		_, err := renderSequence(st, v, shapeOf(v.Type()), n.body, n.joined, n.at)
		return err
	case kind == sectionLambda:
		return n.renderLambda(st, v)
	}
	return renderOne(st, v, n.body, n.joined)
}

// renderLambda pushes an empty frame, since the body is compiled for one.
func (n *dynamic) renderLambda(st *state, v reflect.Value) error {
	st.push(reflect.Value{}, n.joined)
	if err := n.lambda.call(st, v); err != nil {
		return err
	}
	st.pop()
	return nil
}
