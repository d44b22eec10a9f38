package template

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/cbroglie/mustache"
)

const (
	// maxErrors is how many wrong tags are reported before the compiler gives up.
	maxErrors = 20

	// maxBodies bounds the pairs of a partial and a context stack that are
	// compiled. Only templates written to blow up reach it.
	maxBodies = 10_000
)

// program is a compiled template. It is never changed, so that any number of
// goroutines render it.
type program struct {
	root  *body
	slots int // sequences whose emptiness is remembered
	start *position
	text  bool             // no escaping
	units map[string]*unit // what it is made of, for Reload
}

// unit is one template or partial, read and parsed once.
type unit struct {
	name     string
	source   string
	given    bool // to Compile: there is no file to look at again
	missing  bool
	failure  error // of reading it
	parsed   bool
	elements []*element
}

// compiler turns the elements of one template and its partials into nodes.
type compiler struct {
	set     Set
	page    *unit // what {{> content}} means in a layout
	frozen  bool  // the text of a lambda: nothing is read for it
	lenient bool  // an untyped template: a partial that is missing is empty

	prog   *program
	scopes map[scope]*scope
	bodies map[bodyKey]*partialBody
	errs   []error

	compiled []*partialBody // all of bodies, in order

	// Of the body that is being compiled:
	partial   *partialBody
	narrowed  bool           // inside a section that moves to other data
	sequences map[string]int // slots by name, of the same list of elements
}

// newCompiler makes a compiler with nothing read yet.
func newCompiler(s Set) *compiler {
	return &compiler{
		set:    s,
		prog:   &program{text: s.Text, units: map[string]*unit{}},
		scopes: map[scope]*scope{},
		bodies: map[bodyKey]*partialBody{},
	}
}

// compilePage compiles a page, inside its layout if the set has one, for data
// of type t. The program that comes with an error only has its units.
func compilePage(s Set, page *unit, t reflect.Type) (*program, error) {
	c := newCompiler(s)
	c.prog.units[page.name] = page
	if page.missing {
		return c.prog, fmt.Errorf("%q: %w%s",
			page.name, errNoTemplate, suggest(page.name, s.available(page.name)))
	}
	if page.failure != nil {
		return c.prog, page.failure
	}
	root := page
	if s.Layout != "" {
		layout, err := c.layout()
		if err != nil {
			return c.prog, err
		}
		root, c.page = layout, page
	}
	c.prog.start = &position{name: root.name, line: 1}
	top := c.push(nil, t)
	c.lenient = top.typ == nil
	b := c.instance(root, top)
	if len(c.errs) == 0 &&
		!slices.ContainsFunc(c.compiled, func(b *partialBody) bool { return b.unit == page }) {
		c.fail(c.prog.start, errors.New("the layout has no {{> content}}"))
	}
	return c.finish(b)
}

// layout reads the template around the page.
func (c *compiler) layout() (*unit, error) {
	u, err := c.unit(c.set.Layout)
	if err == nil && u.missing {
		err = fmt.Errorf("layout %q: %w", c.set.Layout, errNoTemplate)
	}
	return u, err
}

// finish checks what can only be seen of the whole.
func (c *compiler) finish(root *partialBody) (*program, error) {
	if len(c.errs) == 0 {
		if err := c.findCycle(); err != nil {
			c.errs = append(c.errs, err)
		}
	}
	c.prog.root = &root.body
	return c.prog, errors.Join(c.errs...)
}

func (c *compiler) fail(at *position, err error) {
	if len(c.errs) < maxErrors {
		c.errs = append(c.errs, at.wrap(err))
	}
}

// body compiles the inside of a section.
func (c *compiler) body(elements []*element, s *scope, narrows bool) *body {
	was := c.narrowed
	c.narrowed = was || narrows
	b := &body{nodes: c.nodes(elements, s)}
	c.narrowed = was
	return b
}

// nodes compiles a list of elements in one scope.
func (c *compiler) nodes(elements []*element, s *scope) []node {
	outer := c.sequences
	c.sequences = map[string]int{}
	defer func() { c.sequences = outer }()
	var nodes []node
	for _, e := range elements {
		if len(c.errs) >= maxErrors {
			break
		}
		if n := c.node(e, s); n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// node compiles one element; nil if it is wrong or prints nothing.
func (c *compiler) node(e *element, s *scope) node {
	switch e.kind {
	case mustache.Variable:
		return c.variable(e, s)
	case mustache.Section:
		return c.section(e, s)
	case mustache.InvertedSection:
		return c.inverted(e, s)
	case mustache.Partial:
		return c.call(e, s)
	}
	return &text{s: e.text, starts: e.starts}
}

func (c *compiler) variable(e *element, s *scope) node {
	look, t, err := c.resolve(e.target, s)
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	if e.format.name != "" {
		return c.formatted(e, look, t)
	}
	how, err := printerFor(t)
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	return &variable{look: look, how: how, raw: e.raw || c.prog.text, at: &e.position}
}

func (c *compiler) section(e *element, s *scope) node {
	look, t, err := c.resolve(e.target, s)
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	kind, err := sectionFor(t)
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	switch kind {
	case sectionOne:
		return &one{look, c.body(e.children, c.push(s, t), narrows(e, t)), &e.position}
	case sectionList:
		return &list{look, c.body(e.children, c.push(s, deref(t).Elem()), true), &e.position}
	case sectionSequence:
		return c.sequence(e, s, look, deref(t))
	case sectionLambda:
		return &lambdaSection{look, c.lambda(e, c.body(e.children, s, false), s)}
	}
	inner := c.push(s, nil)
	b := c.body(e.children, inner, true)
	return &dynamic{look, b, inner == s, &e.position, c.lambda(e, b, inner)}
}

// narrows tells whether a section of a single value moves to other data, so
// that a partial which includes itself there can come to an end.
func narrows(e *element, t reflect.Type) bool {
	switch deref(t).Kind() {
	case reflect.Struct, reflect.Map, reflect.Interface:
		return e.target != "."
	}
	return false
}

func (c *compiler) sequence(e *element, s *scope, look *lookup, t reflect.Type) node {
	shape := shapeOf(t)
	b := c.body(e.children, c.push(s, shape.element), true)
	slot := c.prog.slots
	c.prog.slots++
	c.sequences[e.target] = slot
	return &sequence{look, shape, b, &e.position, slot}
}

func (c *compiler) inverted(e *element, s *scope) node {
	look, t, err := c.resolve(e.target, s)
	if err == nil {
		_, err = sectionFor(t)
	}
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	if !isAny(t) && deref(t).Kind() == reflect.Func && isSequence(deref(t)) {
		slot, ok := c.sequences[e.target]
		if !ok {
			const reason = "a sequence is known to be empty only after {{#%s}}, in the same section"
			c.fail(&e.position, fmt.Errorf(reason, e.target))
			return nil
		}
		return &noneProduced{slot, c.body(e.children, s, false)}
	}
	return &inverted{look, c.body(e.children, s, false), &e.position}
}
