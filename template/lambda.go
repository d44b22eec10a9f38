package template

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"

	"github.com/cbroglie/mustache"
)

var renderType = reflect.TypeFor[func(string) (string, error)]()

// isLambda finds mustache.LambdaFunc and functions of its form; skip leaves
// out a receiver.
func isLambda(t reflect.Type, skip int) bool {
	return t.Kind() == reflect.Func && !t.IsVariadic() && t.NumIn() == skip+2 && t.NumOut() == 2 &&
		t.In(skip) == stringType && renderType.ConvertibleTo(t.In(skip+1)) &&
		t.Out(0) == stringType && t.Out(1) == errorType
}

// lambda is a section whose value is a function: what the function is given,
// and what it takes to render text for it.
type lambda struct {
	text   string // of the section, as it is written
	body   *body  // the same, compiled
	scope  *scope
	delims delimiters
	at     *position

	set     Set
	units   map[string]*unit // the partials of the template: no others are read
	page    *unit
	lenient bool

	// The last text that was not the section's own, since a function that adds
	// something to it usually adds the same each time.
	last atomic.Pointer[lambdaText]
}

type lambdaText struct {
	text string
	prog *program
}

func (c *compiler) lambda(e *element, b *body, s *scope) *lambda {
	return &lambda{
		text: e.source, body: b, scope: s, delims: e.delims, at: &e.position,
		set: c.set, units: c.prog.units, page: c.page, lenient: c.lenient,
	}
}

// lambdaSection is a section that is known to be a lambda.
type lambdaSection struct {
	look   *lookup
	lambda *lambda
}

func (n *lambdaSection) render(st *state) error {
	st.at = n.lambda.at
	v, err := n.look.find(st)
	if err != nil {
		return n.lambda.at.wrap(err)
	}
	if v = indirect(v); !truth(v) {
		return nil
	}
	return n.lambda.call(st, v)
}

// call calls the function and prints what it returns, unescaped: the parts of
// it that came from the data were escaped when they were rendered.
func (l *lambda) call(st *state, f reflect.Value) error {
	returned := false
	defer func() { returned = true }()
	var render mustache.RenderFunc = func(text string) (string, error) {
		if returned {
			return "", errors.New("the render function of a lambda was kept beyond its call")
		}
		return l.render(st, text)
	}
	out := f.Call([]reflect.Value{
		reflect.ValueOf(l.text),
		reflect.ValueOf(render).Convert(f.Type().In(1)),
	})
	st.at = l.at
	if st.failed != nil {
		return st.failed
	}
	if !out[1].IsNil() {
		return l.at.wrap(out[1].Interface().(error))
	}
	return st.write(out[0].String())
}

// render renders text for the function, against the stack of the section. The
// state is put back even if the function goes on after an error or a panic.
func (l *lambda) render(st *state, text string) (string, error) {
	if st.failed != nil {
		return "", st.failed
	}
	if st.lambdas == maxLambdas {
		st.failed = l.at.wrap(fmt.Errorf("a lambda that renders itself: %w", ErrDepth))
		return "", st.failed
	}
	b, slots := l.body, 0
	if text != l.text {
		p, err := l.compiled(text)
		if err != nil {
			return "", err
		}
		b, slots = p.root, p.slots
	}
	outer := *st
	defer func() {
		failed, free, at := st.failed, st.free, st.at
		*st = outer
		st.failed, st.free, st.at = failed, free, at // at is what a panic blames
	}()
	st.w, st.buf = nil, nil
	st.lambdas++
	if text != l.text {
		st.produced = make([]bool, slots)
	}
	if err := b.render(st); err != nil {
		return "", err
	}
	return string(st.buf), nil
}

// compiled compiles text that is not the section's own.
func (l *lambda) compiled(text string) (*program, error) {
	if last := l.last.Load(); last != nil && last.text == text {
		return last.prog, nil
	}
	elements, err := parse(l.at.name, text, l.at.line, l.delims)
	if err != nil {
		return nil, err
	}
	c := newCompiler(l.set)
	c.frozen, c.page, c.lenient = true, l.page, l.lenient
	maps.Copy(c.prog.units, l.units)
	b := &partialBody{unit: &unit{name: l.at.name}}
	c.partial = b
	b.nodes = c.nodes(elements, l.scope)
	c.compiled = append(c.compiled, b)
	p, err := c.finish(b)
	if err != nil {
		return nil, err
	}
	l.last.Store(&lambdaText{text, p})
	return p, nil
}
