package conf

import (
	"fmt"
	"net/netip"
	"reflect"
)

// decoder fills structs from sections.
type decoder struct {
	report *report
	// other takes the statements that belong to somebody else: filters and conditions that stand in
	// a section among its settings. nil: there are none.
	other func(n *node) bool
}

// Checker is a configuration that knows more about itself than its tags say. Check is called when
// all settings are there; its error shows at the section.
type Checker interface{ Check() error }

// decode fills the struct that into points to from the section n. What is wrong is reported, and
// does not keep the rest from being looked at; it says whether nothing was.
func (d *decoder) decode(n *node, into any) (good bool) {
	known := len(d.report.list)
	v := reflect.ValueOf(into).Elem()
	if v.Kind() != reflect.Struct {
		d.withoutFields(n)
		return len(d.report.list) == known
	}
	s := &sectionDecoder{decoder: d, n: n, v: v, fields: fieldsOf(v.Type()),
		set: map[string]*node{}}
	s.defaults()
	s.argument()
	for _, c := range n.body {
		s.statement(c)
	}
	for _, f := range s.fields {
		if _, ok := s.set[f.name]; f.required && !f.arg && !ok {
			d.report.add(n.at, f.doc, "%s: %s is missing", n.name, f.name)
		}
	}
	if len(d.report.list) > known {
		return false
	}
	if c, ok := into.(Checker); ok {
		if err := c.Check(); err != nil {
			d.report.add(n.at, "", "%s: %v", n.name, err)
			return false
		}
	}
	return true
}

// withoutFields is decode for a configuration that is no struct: it has no settings.
func (d *decoder) withoutFields(n *node) {
	for _, c := range n.body {
		if d.other == nil || !d.other(c) {
			d.report.add(c.at, "", "%s has no settings", n.name)
		}
	}
}

type sectionDecoder struct {
	*decoder
	n      *node
	v      reflect.Value
	fields []field
	set    map[string]*node
}

// defaults sets what the tags say. A wrong one is a mistake of the program.
func (s *sectionDecoder) defaults() {
	for _, f := range s.fields {
		if f.def == "" {
			continue
		}
		if err := setText(s.v.FieldByIndex(f.index), f.def); err != nil {
			panic(fmt.Sprintf("conf: the default of %s.%s: %v", s.v.Type(), f.name, err))
		}
	}
}

// argument sets the field that stands behind the section's name.
func (s *sectionDecoder) argument() {
	for _, f := range s.fields {
		switch {
		case !f.arg:
		case s.n.arg == "" && f.required:
			s.report.add(s.n.at, f.doc, "%s needs a %s behind its name", s.n.name, f.name)
		case s.n.arg != "":
			if err := s.setChecked(&f, s.n.arg); err != nil {
				s.report.add(s.n.argAt, hintFor(f.typ), "%s: %v", f.name, err)
			}
		}
	}
}

func (s *sectionDecoder) setChecked(f *field, text string) error {
	v := s.v.FieldByIndex(f.index)
	if err := setText(v, text); err != nil {
		return err
	}
	s.opens(f, v)
	return f.check(v)
}

// opens notes the paths that a field has.
func (s *sectionDecoder) opens(f *field, v reflect.Value) {
	switch {
	case f.opens == "":
	case v.Kind() == reflect.String:
		s.report.opens = append(s.report.opens, openedPath{v.String(), f.opens == "write"})
	default:
		for i := range v.Len() {
			s.report.opens = append(s.report.opens,
				openedPath{v.Index(i).String(), f.opens == "write"})
		}
	}
}

// statement takes one of the section's statements.
func (s *sectionDecoder) statement(c *node) {
	f := findField(s.fields, c.name)
	switch {
	case c.kind == comment:
		return
	case c.kind == branch, c.kind == otherwise:
		if s.other == nil || !s.other(c) {
			s.report.add(c.at, "put the condition around the whole section",
				"a condition cannot stand inside of %s", s.n.name)
		}
		return
	case f == nil && c.kind == section && s.other != nil && s.other(c):
		return
	case f == nil && c.kind == setting && s.rest(c):
		return
	case f == nil:
		s.unknown(c)
		return
	}
	v := s.v.FieldByIndex(f.index)
	repeats := v.Kind() == reflect.Slice
	first, twice := s.set[f.name]
	if twice && !repeats {
		s.report.add(c.at, "", "%s is set twice: first in line %d", c.name, first.at.pos().Line)
		return
	}
	if !twice && (repeats || v.Kind() == reflect.Map) {
		v.SetZero() // the default does not count any more
	}
	s.set[f.name] = c
	if c.bad {
		return
	}
	if err := s.setField(f, v, c); err != nil {
		at := c.at
		if c.kind == setting {
			at = c.valAt
		}
		s.report.add(at, hintFor(v.Type()), "%s: %v", c.name, err)
	}
}

// rest puts a setting that no field has into the map that takes those.
func (s *sectionDecoder) rest(c *node) bool {
	f := findField(s.fields, "*")
	if f == nil {
		return false
	}
	s.putInto(s.v.FieldByIndex(f.index), c)
	return true
}

func (s *sectionDecoder) unknown(c *node) {
	known := make([]string, 0, len(s.fields))
	for _, f := range s.fields {
		if !f.arg && f.name != "*" {
			known = append(known, f.name)
		}
	}
	where := s.n.name
	if where == "" {
		where = "the file"
	}
	s.report.add(c.at, suggestOrList(c.name, known), "%s has no setting %q", where, c.name)
}

// setField sets a field from a setting, or from a section of its own.
func (s *sectionDecoder) setField(f *field, v reflect.Value, c *node) error {
	t := v.Type()
	isSection := c.kind == section
	switch {
	case t.Kind() == reflect.Map && !isText(t):
		if !isSection {
			return fmt.Errorf("this is a section: %s { name = value }", c.name)
		}
		for _, e := range c.body {
			s.putInto(v, e)
		}
		return nil
	case t.Kind() == reflect.Slice && isConfig(t.Elem()) && isSection:
		e := reflect.New(t.Elem())
		s.inner().decode(c, e.Interface())
		v.Set(reflect.Append(v, e.Elem()))
		return nil
	case t.Kind() == reflect.Pointer && isConfig(t.Elem()) && isSection:
		e := reflect.New(t.Elem())
		s.inner().decode(c, e.Interface())
		v.Set(e)
		return nil
	case isConfig(t) && isSection:
		s.inner().decode(c, v.Addr().Interface())
		return nil
	case isSection && !c.open && c.arg == "" && t.Kind() == reflect.Bool: // the bare word
		v.SetBool(true)
		return nil
	case isSection:
		return fmt.Errorf("this is a setting: %s = value", c.name)
	case isConfig(t), t.Kind() == reflect.Pointer && isConfig(t.Elem()),
		t.Kind() == reflect.Slice && isConfig(t.Elem()):
		return fmt.Errorf("this is a section: %s { }", c.name)
	}
	if err := setText(v, c.value); err != nil {
		return err
	}
	s.opens(f, v)
	return f.check(v)
}

// inner decodes sections that nobody else's statements stand in.
func (s *sectionDecoder) inner() *decoder { return &decoder{report: s.report} }

// isConfig reports whether a type is a section's.
func isConfig(t reflect.Type) bool {
	switch {
	case t.Kind() != reflect.Struct, isText(t), t == reflect.TypeFor[netip.Prefix]():
		return false
	}
	return true
}

// putInto sets an entry of a map from a setting.
func (s *sectionDecoder) putInto(m reflect.Value, e *node) {
	switch {
	case e.kind == comment:
		return
	case e.kind != setting:
		s.report.add(e.at, "", "only settings can stand here: name = value")
		return
	case e.bad:
		return
	}
	if m.IsNil() {
		m.Set(reflect.MakeMap(m.Type()))
	}
	key := reflect.ValueOf(e.name).Convert(m.Type().Key())
	if m.MapIndex(key).IsValid() {
		s.report.add(e.at, "", "%s is set twice", e.name)
		return
	}
	v := reflect.New(m.Type().Elem()).Elem()
	if err := setText(v, e.value); err != nil {
		s.report.add(e.valAt, hintFor(v.Type()), "%s: %v", e.name, err)
	}
	m.SetMapIndex(key, v)
}
