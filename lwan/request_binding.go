package lwan

import (
	"encoding"
	"errors"
	"fmt"
	"mime/multipart"
	"reflect"
	"strings"
	"sync"
	"time"
)

// binding is how a struct is filled from names with values. It is made once for each type and tag,
// and is constant then.
type binding struct {
	fields []boundField
	err    error // what is wrong with the type: an *Error of status 500
}

// boundField is a field of a struct with a tag.
type boundField struct {
	name     string
	index    []int
	kind     valueKind
	layout   string // of a time.Time; "": RFC 3339
	many     bool   // a slice
	optional bool   // a pointer
	required bool
	preset   []string // texts of the default
	expects  string   // what is said about a text that cannot be parsed
}

// valueKind is how a text becomes a value.
type valueKind uint8

const (
	kindString valueKind = iota
	kindBool
	kindNumber
	kindDuration
	kindTime // with a layout
	kindText // an encoding.TextUnmarshaler
	kindFile
)

type bindingKey struct {
	of  reflect.Type
	tag string
}

var bindings sync.Map // of *binding by bindingKey: as many as the program has types

// bindingOf is the binding of T for that tag.
func bindingOf[T any](tag string) *binding {
	key := bindingKey{reflect.TypeFor[T](), tag}
	if b, ok := bindings.Load(key); ok {
		return b.(*binding)
	}
	b, _ := bindings.LoadOrStore(key, newBinding(key))
	return b.(*binding)
}

func newBinding(key bindingKey) *binding {
	b := new(binding)
	err := errors.New("it is no struct")
	if key.of.Kind() == reflect.Struct {
		err = b.add(key.of, key.tag, nil)
	}
	if err == nil && len(b.fields) == 0 {
		err = fmt.Errorf("no field has the tag %s", key.tag)
	}
	if err != nil {
		b.err = &Error{
			Status: StatusInternalServerError,
			Err:    fmt.Errorf("lwan: a %v cannot be filled: %w", key.of, err),
		}
	}
	return b
}

// add adds the fields of a struct, which lies at index in the outermost one.
func (b *binding) add(t reflect.Type, tag string, index []int) error {
	for i := range t.NumField() {
		sf := t.Field(i)
		at := append(append([]int(nil), index...), i)
		text, tagged := sf.Tag.Lookup(tag)
		if !tagged && sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			if err := b.add(sf.Type, tag, at); err != nil {
				return err
			}
			continue
		}
		if !tagged || text == "-" {
			continue
		}
		f, err := newBoundField(sf, tag, text)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, sf.Name, err)
		}
		for j := range b.fields {
			if b.fields[j].name == f.name {
				return fmt.Errorf("%s.%s: another field has the name %q, too", t, sf.Name, f.name)
			}
		}
		f.index = at
		b.fields = append(b.fields, f)
	}
	return nil
}

// newBoundField reads the tags of a field. text is that of tag.
func newBoundField(sf reflect.StructField, tag, text string) (f boundField, err error) {
	name, option, _ := strings.Cut(text, ",")
	f.name, f.layout, f.required = name, sf.Tag.Get("layout"), option == "required"
	switch {
	case !sf.IsExported():
		return f, errors.New("it is not exported")
	case name == "":
		return f, fmt.Errorf("the tag %s has no name", tag)
	case option != "" && !f.required:
		return f, fmt.Errorf("the tag %s has the option %q; there is only required", tag, option)
	}
	of := f.resolve(sf.Type)
	switch {
	case f.expects == "":
		return f, &unsupportedType{of}
	case f.kind == kindFile && tag != "form":
		return f, errors.New("files are only in forms")
	case f.layout != "" && f.kind != kindTime:
		return f, errors.New("a layout is for a time.Time")
	}
	return f, f.setDefault(sf, of)
}

var (
	typeUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	typeTime        = reflect.TypeFor[time.Time]()
	typeDuration    = reflect.TypeFor[time.Duration]()
	typeFile        = reflect.TypeFor[*multipart.FileHeader]()
)

// resolve finds out how a field of type t gets its value, and returns the type of one value.
// expects stays "" if there is no way.
func (f *boundField) resolve(t reflect.Type) reflect.Type {
	if f.decide(t) {
		return t
	}
	switch t.Kind() {
	case reflect.Pointer:
		f.optional = true
	case reflect.Slice:
		f.many = true
	default:
		return t
	}
	f.decide(t.Elem())
	return t.Elem()
}

// decide sets kind and expects for a value of type t; false: it is no value.
func (f *boundField) decide(t reflect.Type) bool {
	switch k := t.Kind(); {
	case t == typeFile:
		f.kind, f.expects = kindFile, "must be a file"
	case t == typeTime && f.layout != "":
		f.kind, f.expects = kindTime, "must be of the form "+f.layout
	case reflect.PointerTo(t).Implements(typeUnmarshaler):
		f.kind, f.expects = kindText, "is not valid"
	case t == typeDuration:
		f.kind, f.expects = kindDuration, "must be a duration, as 1h30m"
	case k == reflect.String:
		f.kind, f.expects = kindString, "is not valid"
	case k == reflect.Bool:
		f.kind, f.expects = kindBool, "must be true or false"
	case k >= reflect.Int && k <= reflect.Int64:
		f.kind, f.expects = kindNumber, "must be a whole number"
	case k >= reflect.Uint && k <= reflect.Uint64:
		f.kind, f.expects = kindNumber, "must be a whole number, and not negative"
	case k == reflect.Float32 || k == reflect.Float64:
		f.kind, f.expects = kindNumber, "must be a number"
	default:
		return false
	}
	return true
}

// setDefault reads the tag default, and tries whether it is a value of type of.
func (f *boundField) setDefault(sf reflect.StructField, of reflect.Type) error {
	text, ok := sf.Tag.Lookup("default")
	switch {
	case !ok:
		return nil
	case f.required:
		return errors.New("what is required needs no default")
	case f.kind == kindFile:
		return errors.New("a file has no default")
	}
	f.preset = []string{text}
	if f.many {
		f.preset = strings.Split(text, ",")
	}
	for _, text := range f.preset {
		if wrong := f.parse(reflect.New(of).Elem(), text); wrong != "" {
			return fmt.Errorf("the default %q %s", text, wrong)
		}
	}
	return nil
}
