package conf

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// field is what the language sees of a field of a configuration. The field's tags say it:
//
//	MaxBody Size `conf:"max_body,alias=body,required" default:"1M" range:"1.." doc:"of a request"`
//
// conf has the name, the field's in snake case if it is "" or the tag is missing, and behind it
// required; arg: what stands behind the section's name; alias=NAME. "-" hides the field, "*" is a
// map that takes all settings that no other field has. opens is read or write for a path that is
// opened while the server serves, which a straitjacket must leave. range has the least and the
// greatest value of a number, time or size, both may be left out, and oneof the words that a text
// may be.
type field struct {
	name, def, doc string
	aliases        []string
	required, arg  bool
	least, most    int64
	oneof          []string
	opens          string // "read", "write" or ""
	index          []int
	typ            reflect.Type
}

// fieldsOf lists the fields of a configuration, those of embedded structs too. Fields that no text
// can set (functions, interfaces, channels, and what encoding/json leaves out) are not among them.
func fieldsOf(t reflect.Type) (list []field) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("conf")
		if !f.IsExported() || tag == "-" || f.Anonymous || !tagged && f.Tag.Get("json") == "-" {
			continue
		}
		switch f.Type.Kind() {
		case reflect.Func, reflect.Interface, reflect.Chan, reflect.UnsafePointer:
			continue
		}
		list = append(list, newField(f, tag))
	}
	return list
}

func newField(f reflect.StructField, tag string) field {
	name, options, _ := strings.Cut(tag, ",")
	c := field{
		name: name, def: f.Tag.Get("default"), doc: f.Tag.Get("doc"), index: f.Index, typ: f.Type,
		least: math.MinInt64, most: math.MaxInt64, oneof: strings.Fields(f.Tag.Get("oneof")),
		opens: f.Tag.Get("opens"),
	}
	if c.name == "" {
		c.name = snake(f.Name)
	}
	for o := range strings.SplitSeq(options, ",") {
		switch alias, ok := strings.CutPrefix(o, "alias="); {
		case o == "required":
			c.required = true
		case o == "arg":
			c.arg = true
		case ok:
			c.aliases = append(c.aliases, alias)
		}
	}
	if r := f.Tag.Get("range"); r != "" {
		c.least, c.most = bounds(f.Name, r)
	}
	return c
}

// bounds reads a tag: a mistake in it is the program's, not the configuration's.
func bounds(name, text string) (least, most int64) {
	from, to, ok := strings.Cut(text, "..")
	least, most = math.MinInt64, math.MaxInt64
	var errs [2]error
	if from != "" {
		least, errs[0] = strconv.ParseInt(from, 0, 64)
	}
	if to != "" {
		most, errs[1] = strconv.ParseInt(to, 0, 64)
	}
	if !ok || errs[0] != nil || errs[1] != nil {
		panic(fmt.Sprintf("conf: the range of field %s, %q, is not as \"1..10\"", name, text))
	}
	return least, most
}

// check holds a value to the field's bounds.
func (c *field) check(v reflect.Value) error {
	if s := fmt.Sprint(v); len(c.oneof) > 0 && v.Kind() != reflect.Slice &&
		!slices.Contains(c.oneof, s) {
		return fmt.Errorf("%q is none of %s", s, strings.Join(c.oneof, ", "))
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if err := c.check(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return c.checkNumber(v)
	}
	return nil
}

func (c *field) checkNumber(v reflect.Value) error {
	n := v.Int()
	switch {
	case c.least <= n && n <= c.most:
		return nil
	case c.most == math.MaxInt64:
		return fmt.Errorf("%v is less than %s", v, c.show(v.Type(), c.least))
	case c.least == math.MinInt64:
		return fmt.Errorf("%v is more than %s", v, c.show(v.Type(), c.most))
	}
	return fmt.Errorf("%v is not from %s to %s", v, c.show(v.Type(), c.least),
		c.show(v.Type(), c.most))
}

// show writes a bound as a value of the type.
func (c *field) show(t reflect.Type, n int64) string {
	return fmt.Sprint(reflect.ValueOf(n).Convert(t))
}

// findField finds a field by its name or an alias.
func findField(fields []field, name string) *field {
	for i := range fields {
		f := &fields[i]
		if !f.arg && (f.name == name || slices.Contains(f.aliases, name)) {
			return f
		}
	}
	return nil
}

// snake is a Go name as the language spells it: MaxBody is max_body, HTTPPort http_port.
func snake(s string) string {
	var b strings.Builder
	letters := []rune(s)
	for i, r := range letters {
		if unicode.IsUpper(r) && i > 0 {
			begins := i+1 < len(letters) && unicode.IsLower(letters[i+1])
			if !unicode.IsUpper(letters[i-1]) || begins {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
