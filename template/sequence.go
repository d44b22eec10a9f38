package template

import (
	"reflect"
)

// shape is how the elements of a sequence come: iter.Seq[E] gives elements,
// iter.Seq2[E, error] elements that may fail, and any other iter.Seq2 pairs.
type shape struct {
	yield   reflect.Type
	element reflect.Type
	errors  bool // the second value is an error
	pair    bool // element is a struct of Key and Value
}

// isSequence finds iter.Seq, iter.Seq2 and functions of their form.
func isSequence(t reflect.Type) bool {
	if t.Kind() != reflect.Func || t.NumIn() != 1 || t.NumOut() != 0 || t.IsVariadic() {
		return false
	}
	y := t.In(0)
	return y.Kind() == reflect.Func && !y.IsVariadic() && y.NumOut() == 1 && y.Out(0) == boolType &&
		(y.NumIn() == 1 || y.NumIn() == 2)
}

var boolType = reflect.TypeFor[bool]()

// shapeOf looks at a type that isSequence found.
func shapeOf(t reflect.Type) *shape {
	y := t.In(0)
	switch {
	case y.NumIn() == 1:
		return &shape{yield: y, element: y.In(0)}
	case y.In(1) == errorType:
		return &shape{yield: y, element: y.In(0), errors: true}
	}
	pair := reflect.StructOf([]reflect.StructField{
		{Name: "Key", Type: y.In(0)},
		{Name: "Value", Type: y.In(1)},
	})
	return &shape{yield: y, element: pair, pair: true}
}

// fill puts what was yielded into a place for one element.
func (s *shape) fill(place reflect.Value, args []reflect.Value) {
	if s.pair {
		place.Field(0).Set(args[0])
		place.Field(1).Set(args[1])
		return
	}
	place.Set(args[0])
}

// failure gives the error of an element, if it has one.
func (s *shape) failure(args []reflect.Value) error {
	if !s.errors || args[1].IsNil() {
		return nil
	}
	return args[1].Interface().(error)
}

// sequence renders its body for each element as it is produced. slot is where
// an inverted section that follows finds whether there was one.
type sequence struct {
	look  *lookup
	shape *shape
	body  *body
	at    *position
	slot  int
}

func (n *sequence) render(st *state) error {
	st.at = n.at
	v, err := n.look.find(st)
	if err != nil {
		return n.at.wrap(err)
	}
	st.produced[n.slot] = false
	if v = indirect(v); !v.IsValid() || v.IsNil() {
		return nil
	}
	some, err := renderSequence(st, v, n.shape, n.body, false, n.at)
	if err == nil {
		st.produced[n.slot] = some
	}
	return err
}

// renderSequence runs a sequence with a yield that renders. The sequence stops
// at the first error, its own or one of rendering; a sequence that goes on
// all the same is told to stop again.
func renderSequence(
	st *state, seq reflect.Value, s *shape, b *body, joined bool, at *position,
) (some bool, err error) {
	f := st.push(reflect.Value{}, joined)
	place := reflect.New(s.element).Elem()
	over := false
	yield := reflect.MakeFunc(s.yield, func(args []reflect.Value) []reflect.Value {
		if over {
			return stop
		}
		some = true
		if err = s.failure(args); err != nil {
			err = at.wrap(err)
		} else {
			s.fill(place, args)
			f.v = indirect(place)
			err = b.render(st)
			st.at = at // what panics next is the sequence
		}
		over = err != nil
		if over {
			return stop
		}
		return goOn
	})
	seq.Call([]reflect.Value{yield})
	over = true
	if err == nil {
		st.pop()
	}
	return some, err
}

var (
	goOn = []reflect.Value{reflect.ValueOf(true)}
	stop = []reflect.Value{reflect.ValueOf(false)}
)

// noneProduced is an inverted section of a sequence. It follows the section of
// the same sequence, and so knows how that one ended.
type noneProduced struct {
	slot int
	body *body
}

func (n *noneProduced) render(st *state) error {
	if st.produced[n.slot] {
		return nil
	}
	return n.body.render(st)
}
