package template

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A scope is the context stack as the compiler sees it: types instead of
// values. Each scope stands for one frame of the running stack, except a
// dynamic one (typ is nil), which stands for a run of frames whose names show
// only in rendering. It is always the top: whatever is found with a dynamic
// frame in between may come from that frame, and so is dynamic itself. Scopes
// are made by push alone, so equal stacks are the same pointer.
//
//	{{#Entries}}{{Meta.x}}{{#Meta}}{{x}}{{#y}}{{z}}      []Entry, Meta map[string]any
//
//	at {{Meta.x}}:     Entry -> Page
//	at {{x}}, {{z}}:   dynamic -> Entry -> Page
type scope struct {
	typ    reflect.Type
	parent *scope
}

// push gives the scope inside a section: the same, if a dynamic frame joins the
// run that is already on top.
func (c *compiler) push(s *scope, t reflect.Type) *scope {
	if t != nil {
		t = deref(t)
	}
	if isDynamic(t) {
		t = nil
		if s != nil && s.typ == nil {
			return s
		}
	}
	want := scope{t, s}
	if known := c.scopes[want]; known != nil {
		return known
	}
	c.scopes[want] = &want
	return &want
}

// resolve compiles a name. The type is that of the value, nil where only
// rendering will show it.
func (c *compiler) resolve(name string, s *scope) (*lookup, reflect.Type, error) {
	l := &lookup{}
	if name == "." {
		t, err := l.settle(s.typ)
		return l, t, err
	}
	parts := strings.Split(name, ".")
	at := s
	if s.typ == nil {
		l.dynamic = parts
		l.up, at = 1, s.parent
	}
	for ; at != nil; l.up, at = l.up+1, at.parent {
		if _, ok := namesOf(at.typ).members[parts[0]]; ok {
			t, err := l.follow(at.typ, parts)
			if l.dynamic != nil {
				t = nil
			}
			return l, t, err
		}
	}
	if l.dynamic == nil {
		return nil, nil, unknownName(parts[0], s)
	}
	l.up = -1
	return l, nil, nil
}

// follow compiles the parts of a dotted name, each looked up in the value of
// the one before it and nowhere else.
func (l *lookup) follow(t reflect.Type, parts []string) (reflect.Type, error) {
	for i, part := range parts {
		t = deref(t)
		if isAny(t) {
			for _, rest := range parts[i:] {
				l.path = append(l.path, &dynamicStep{rest})
			}
			return nil, nil
		}
		m, ok := namesOf(t).members[part]
		switch {
		case ok:
			l.path = append(l.path, stepTo(t, m))
			t = m.result
		case isStringMap(t):
			l.path = append(l.path, &keyStep{reflect.ValueOf(part).Convert(t.Key())})
			t = t.Elem()
		default:
			return nil, noMember(part, namesOf(t))
		}
		var err error
		if t, err = l.settle(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// settle adds the call of a function that takes no arguments: a template means
// its result.
func (l *lookup) settle(t reflect.Type) (reflect.Type, error) {
	for range maxIndirections {
		if t == nil || deref(t).Kind() != reflect.Func {
			break
		}
		f := deref(t)
		if isLambda(f, 0) || isSequence(f) {
			break
		}
		sig := signatureOf(f, 0)
		if sig.why != "" {
			return nil, fmt.Errorf("a %v cannot be used: it %s", f, sig.why)
		}
		l.path = append(l.path, callStep{})
		t = sig.result
	}
	return t, nil
}

// unknownName is the error for a name that no frame of the stack has.
func unknownName(name string, s *scope) error {
	const most = 4 // types named in the message
	var known, types []string
	for at := s; at != nil; at = at.parent {
		n := namesOf(at.typ)
		if why := n.refused[name]; why != "" {
			return fmt.Errorf("%s of %v %s", name, at.typ, why)
		}
		known = append(known, n.list()...)
		if t := at.typ.String(); !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if len(types) > most {
		types = append(types[:most], "...")
	}
	return fmt.Errorf("no %q in %s%s", name, strings.Join(types, ", "), suggest(name, known))
}

// noMember is the error for a part of a dotted name.
func noMember(name string, n *names) error {
	if why := n.refused[name]; why != "" {
		return fmt.Errorf("%s of %v %s", name, n.typ, why)
	}
	return fmt.Errorf("no %q in %v%s", name, n.typ, suggest(name, n.list()))
}
