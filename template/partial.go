package template

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

var errNoTemplate = fmt.Errorf("no such template: %w", fs.ErrNotExist)

// A partial is compiled once for each context stack that it is used with, and
// shared by all tags that use it so; that is how a partial can include itself.
type bodyKey struct {
	unit  *unit
	scope *scope
}

// partialBody is a partial for one context stack, and what it includes.
type partialBody struct {
	body
	unit  *unit
	open  bool // being compiled
	calls []edge
}

// edge is one partial tag. narrowed says that it stands in a section which
// moves to other data.
type edge struct {
	to       *partialBody
	at       *position
	narrowed bool
}

// unit reads and parses a template by name, once. One that does not exist is
// kept as missing.
func (c *compiler) unit(name string) (*unit, error) {
	if c.page != nil && name == "content" {
		return c.page, nil
	}
	u := c.prog.units[name]
	if u == nil && c.frozen {
		return nil, errors.New(
			"only partials that the template itself has can be used in the text of a lambda")
	}
	if u == nil {
		u = c.set.unit(name)
		c.prog.units[name] = u
	}
	return u, u.failure
}

// instance compiles a unit for a scope, or gives the one that is there.
func (c *compiler) instance(u *unit, s *scope) *partialBody {
	key := bodyKey{u, s}
	if b := c.bodies[key]; b != nil {
		return b
	}
	b := &partialBody{unit: u, open: true}
	if len(c.bodies) == maxBodies {
		c.fail(&position{name: u.name, line: 1}, fmt.Errorf("more than %d partials", maxBodies))
		return b
	}
	c.bodies[key] = b
	c.compiled = append(c.compiled, b)
	outer, narrowed := c.partial, c.narrowed
	c.partial, c.narrowed = b, false
	b.nodes = c.nodes(c.parsed(u), s)
	c.partial, c.narrowed = outer, narrowed
	b.open = false
	return b
}

// parsed gives the elements of a unit; its syntax error is reported once.
func (c *compiler) parsed(u *unit) []*element {
	if !u.parsed {
		var err error
		u.parsed = true
		if u.elements, err = parse(u.name, u.source, 1, defaultDelimiters); err != nil {
			c.errs = append(c.errs, err)
		}
	}
	return u.elements
}

// call compiles a partial tag.
func (c *compiler) call(e *element, s *scope) node {
	u, err := c.unit(e.target)
	if err == nil && u.missing && !c.lenient {
		err = errors.New(errNoTemplate.Error() + suggest(e.target, c.set.available(e.target)))
	}
	if err != nil {
		c.fail(&e.position, err)
		return nil
	}
	inner, drops := c.normalise(s)
	b := c.instance(u, inner)
	c.partial.calls = append(c.partial.calls, edge{b, &e.position, c.narrowed})
	return &inclusion{
		body: &b.body, at: &e.position, drops: drops,
		standalone: e.standalone, indent: e.indent, recursive: b.open,
	}
}

// findCycle looks for partials that include each other although no section in
// between moves to other data.
func (c *compiler) findCycle() error {
	done := map[*partialBody]bool{}
	for _, b := range c.compiled {
		if err := followCalls(b, nil, done); err != nil {
			return err
		}
	}
	return nil
}

// followCalls goes along the calls that do not move to other data; path is how
// it came here.
func followCalls(b *partialBody, path []*partialBody, done map[*partialBody]bool) error {
	if done[b] {
		return nil
	}
	path = append(path, b)
	for _, e := range b.calls {
		if e.narrowed {
			continue
		}
		if i := slices.Index(path, e.to); i >= 0 {
			var names []string
			for _, p := range append(path[i:], e.to) {
				names = append(names, p.unit.name)
			}
			return e.at.wrap(fmt.Errorf("%w: %s", ErrCycle, strings.Join(names, " > ")))
		}
		if err := followCalls(e.to, path, done); err != nil {
			return err
		}
	}
	done[b] = true
	return nil
}

// inclusion renders a partial.
type inclusion struct {
	body       *body
	at         *position
	drops      []bool // frames to leave out, see relink
	standalone bool
	indent     string
	recursive  bool // the partial is already being rendered
}

func (n *inclusion) render(st *state) error {
	if st.depth == maxDepth {
		st.failed = n.at.wrap(ErrDepth)
		return st.failed
	}
	st.depth++
	start, end := st.indent, len(st.indents)
	if n.standalone {
		st.indents = append(st.indents, st.indents[start:]...)
		st.indents = append(st.indents, n.indent...)
	}
	st.indent = end
	err := n.renderBody(st)
	st.indent, st.indents = start, st.indents[:end]
	st.depth--
	return err
}

// renderBody gives the partial the stack that it was compiled for.
func (n *inclusion) renderBody(st *state) error {
	var remembered []bool
	if n.recursive && len(st.produced) > 0 {
		remembered = slices.Clone(st.produced)
		defer func() { copy(st.produced, remembered) }()
	}
	if n.drops == nil {
		return n.body.render(st)
	}
	top := st.top
	frames := st.relink(n.drops)
	if err := n.body.render(st); err != nil {
		return err
	}
	for range frames {
		st.pop()
	}
	st.top = top
	return nil
}
