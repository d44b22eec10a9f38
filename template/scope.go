package template

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// A scope is the context stack as the compiler sees it: types instead of
// values. Each scope stands for one frame of the running stack, except a
// dynamic one (typ is nil), which stands for a run of one or more neighbouring
// frames whose names show only in rendering. Scopes are made by push alone,
// so equal stacks are the same pointer.
//
//	{{#Entries}}{{Meta.x}}{{#Meta}}{{x}}      []Entry, Meta map[string]any
//
//	at {{Meta.x}}:  Entry -> Page
//	at {{x}}:       dynamic -> Entry -> Page
type scope struct {
	typ    reflect.Type
	parent *scope
}

// push gives the scope inside a section. joined says that the new frame
// belongs to the run of dynamic frames that is already on top.
func (c *compiler) push(s *scope, t reflect.Type) (inner *scope, joined bool) {
	if t != nil {
		t = deref(t)
	}
	if isDynamic(t) {
		t = nil
		if s != nil && s.typ == nil {
			return s, true
		}
	}
	want := scope{t, s}
	if known := c.scopes[want]; known != nil {
		return known, false
	}
	c.scopes[want] = &want
	return &want, false
}

// resolve compiles a name. The type is that of the value, nil where only
// rendering will show it.
func (c *compiler) resolve(name string, s *scope) (*lookup, reflect.Type, error) {
	if name == "." {
		l := &lookup{tries: []try{{}}}
		t, err := l.tries[0].settle(s.typ)
		return l, t, err
	}
	parts := strings.Split(name, ".")
	l := &lookup{}
	for up, at := 0, s; at != nil; up, at = up+1, at.parent {
		if at.typ == nil {
			l.tries = append(l.tries, try{up: up, dynamic: parts})
			continue
		}
		if _, ok := namesOf(at.typ).members[parts[0]]; !ok {
			continue
		}
		t := try{up: up}
		typ, err := t.follow(at.typ, parts)
		l.tries = append(l.tries, t)
		if len(l.tries) > 1 {
			typ = nil // a map nearer the top may have the name
		}
		return l, typ, err
	}
	if len(l.tries) == 0 {
		return nil, nil, unknownName(parts[0], s)
	}
	return l, nil, nil
}

// follow compiles the parts of a dotted name, each looked up in the value of
// the one before it and nowhere else.
func (y *try) follow(t reflect.Type, parts []string) (reflect.Type, error) {
	for i, part := range parts {
		t = deref(t)
		if isAny(t) {
			for _, rest := range parts[i:] {
				y.path = append(y.path, &dynamicStep{rest})
			}
			return nil, nil
		}
		m, ok := namesOf(t).members[part]
		switch {
		case ok:
			y.path = append(y.path, stepTo(t, m))
			t = m.result
		case isStringMap(t):
			y.path = append(y.path, &keyStep{reflect.ValueOf(part).Convert(t.Key())})
			t = t.Elem()
		default:
			return nil, noMember(part, namesOf(t))
		}
		var err error
		if t, err = y.settle(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// settle adds the call of a function that takes no arguments: a template means
// its result.
func (y *try) settle(t reflect.Type) (reflect.Type, error) {
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
		y.path = append(y.path, callStep{})
		t = sig.result
	}
	return t, nil
}

// unknownName is the error for a name that no frame of the stack has.
func unknownName(name string, s *scope) error {
	var known, types []string
	for at := s; at != nil; at = at.parent {
		n := namesOf(at.typ)
		if why := n.refused[name]; why != "" {
			return fmt.Errorf("%s of %v %s", name, at.typ, why)
		}
		known = append(known, n.list()...)
		types = append(types, at.typ.String())
	}
	return errors.New(fmt.Sprintf("no %q in %s", name, strings.Join(types, ", ")) + suggest(name, known))
}

// noMember is the error for a part of a dotted name.
func noMember(name string, n *names) error {
	if why := n.refused[name]; why != "" {
		return fmt.Errorf("%s of %v %s", name, n.typ, why)
	}
	return errors.New(fmt.Sprintf("no %q in %v", name, n.typ) + suggest(name, n.list()))
}
