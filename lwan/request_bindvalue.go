package lwan

import (
	"encoding"
	"errors"
	"mime/multipart"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const (
	valueMissing    = "is missing"
	valueOutOfRange = "is out of range"
)

// fill sets v, the field, and says what is wrong with what the client has sent; "": nothing.
func (f *boundField) fill(v reflect.Value, from source) (wrong string) {
	switch {
	case f.kind == kindFile:
		return f.fillFiles(v, from.files(f.name))
	case f.many:
		return f.fillSlice(v, from)
	}
	text := from.first(f.name)
	if text == "" && len(f.preset) > 0 {
		text = f.preset[0]
	}
	switch {
	case text == "" && f.required:
		return valueMissing
	case text == "":
		return ""
	case f.optional:
		one := reflect.New(v.Type().Elem())
		if wrong = f.parse(one.Elem(), text); wrong == "" {
			v.Set(one)
		}
		return wrong
	}
	return f.parse(v, text)
}

// fillSlice sets v to all values. What is wrong with one is wrong with all.
func (f *boundField) fillSlice(v reflect.Value, from source) (wrong string) {
	var few [8]string
	texts := from.all(few[:0], f.name)
	if f.kind != kindString {
		texts = withoutEmpty(texts)
	}
	if len(texts) == 0 {
		texts = f.preset
	}
	if len(texts) == 0 {
		if f.required {
			return valueMissing
		}
		return ""
	}
	list := reflect.MakeSlice(v.Type(), len(texts), len(texts))
	for i, text := range texts {
		if wrong := f.parse(list.Index(i), text); wrong != "" {
			return wrong
		}
	}
	v.Set(list)
	return ""
}

// withoutEmpty drops empty texts, in place.
func withoutEmpty(texts []string) []string {
	kept := texts[:0]
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}

// fillFiles sets v to the file or the files. A browser sends a file of no name and no content for a
// field that was left empty: that is none.
func (f *boundField) fillFiles(v reflect.Value, files []*multipart.FileHeader) (wrong string) {
	var chosen []*multipart.FileHeader
	for _, file := range files {
		if file.Filename != "" || file.Size > 0 {
			chosen = append(chosen, file)
		}
	}
	switch {
	case len(chosen) == 0 && f.required:
		return valueMissing
	case len(chosen) == 0:
	case f.many:
		v.Set(reflect.ValueOf(chosen).Convert(v.Type()))
	default:
		v.Set(reflect.ValueOf(chosen[0]))
	}
	return ""
}

// parse makes a value of text, which may be a view: nothing of it is kept. It says what is wrong
// with the text, and leaves v as it was then; "": nothing.
func (f *boundField) parse(v reflect.Value, text string) (wrong string) {
	var err error
	switch f.kind {
	case kindString:
		v.SetString(strings.Clone(text))
	case kindBool:
		on := text == "on"
		if !on {
			on, err = strconv.ParseBool(text)
		}
		v.SetBool(on)
	case kindNumber:
		err = parseNumber(v, text)
	case kindDuration:
		var d time.Duration
		d, err = time.ParseDuration(text)
		v.SetInt(int64(d))
	case kindTime:
		var t time.Time
		if t, err = time.Parse(f.layout, strings.Clone(text)); err == nil { // its zone has a view
			*v.Addr().Interface().(*time.Time) = t
		}
	case kindText:
		err = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, strconv.ErrRange):
		return valueOutOfRange
	}
	return f.expects
}
