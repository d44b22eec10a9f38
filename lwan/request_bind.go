package lwan

import (
	"errors"
	"mime/multipart"
	"reflect"
)

// FormAs reads the body as Request.Form does and fills a T, a struct, from it:
//
//	type Signup struct {
//		Name   string                  `form:"name,required"`
//		Born   time.Time               `form:"born" layout:"2006-01-02"`
//		Copies int                     `form:"copies" default:"1"`
//		Tags   []string                `form:"tag"`
//		Photos []*multipart.FileHeader `form:"photo"`
//	}
//
// A field without the tag is left alone, so that a client sets nothing that the page does not ask
// for; the fields of an embedded struct are its own. A field may be of a type that Param knows, a
// pointer to one, which is nil if there is no value, a slice of one, which has all values of the
// name in order, or a *multipart.FileHeader or a slice of them; for the life of files see
// Form.File. Parsing is that of Param with these differences: a bool may be "on" too, as a checkbox
// is sent, and a time.Time has the layout that the tag says, which is RFC 3339 without one.
//
// An empty value counts as none, but in a slice of strings. A field without a value has the one of
// the tag default, a list with commas for a slice, or stays zero; with ",required" that is a
// mistake. All mistakes are one *Error of status 422 (Unprocessable Content), whose Fields say for
// each name what is wrong with it: Fail shows them to the client, and FieldErrors gives them to the
// page that shows the form again. T has what could be parsed even then; Request.Form has the text
// that was sent, also of what could not.
//
// If nothing is wrong, Validate() error is called if T or *T has it, and its error answered as that
// of ReadJSON. Errors of Form are returned as they are. A T that is no struct, or that has a tag
// which makes no sense, is an error of status 500 that names it.
func FormAs[T any](req *Request) (v T, err error) {
	b := bindingOf[T]("form")
	if b.err != nil {
		return v, b.err
	}
	f, err := req.Form()
	if err != nil {
		return v, err
	}
	if err := b.fill(reflect.ValueOf(&v).Elem(), source{&f.encoded, f.parts}); err != nil {
		err.Status, err.Message = StatusUnprocessable, "the form has mistakes"
		return v, err
	}
	return v, validate(&v)
}

// QueryAs fills a T, a struct, from the query as FormAs does from a form, with the tag query, and
// without files:
//
//	type Search struct {
//		Text string   `query:"q"`
//		Page int      `query:"page" default:"1"`
//		Tags []string `query:"tag"`
//	}
//
// Mistakes are one *Error of status 400 with Fields. Pairs that Request.Query ignores are ignored.
func QueryAs[T any](req *Request) (v T, err error) {
	req.mustLive()
	b := bindingOf[T]("query")
	if b.err != nil {
		return v, b.err
	}
	from := source{pairs: req.queryPairs()}
	if err := b.fill(reflect.ValueOf(&v).Elem(), from); err != nil {
		err.Status, err.Message = StatusBadRequest, "the query has mistakes"
		return v, err
	}
	return v, validate(&v)
}

// FieldErrors is what err says about fields: Fields of the *Error in its tree, by the names that
// the client has used. It is nil if there is none, also for a nil err. A template shows it beside
// the field: {{#Errors.name}}<p>{{Errors.name}}</p>{{/Errors.name}}.
func FieldErrors(err error) map[string]string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fields
	}
	return nil
}

// source is where values come from: pairs of a query or an urlencoded form, or a multipart form.
type source struct {
	pairs *pairs
	parts *multipart.Form // nil: pairs has the values
}

// first is the first value of that name; "" if there is none. It may be a view.
func (s source) first(name string) string {
	if s.parts == nil {
		value, _ := s.pairs.find(name)
		return value
	}
	if values := s.parts.Value[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// all appends all values of that name to list. They may be views.
func (s source) all(list []string, name string) []string {
	if s.parts != nil {
		return append(list, s.parts.Value[name]...)
	}
	for i := range s.pairs.list {
		if s.pairs.list[i].name == name {
			list = append(list, s.pairs.list[i].value)
		}
	}
	return list
}

// files is all files of that name.
func (s source) files(name string) []*multipart.FileHeader {
	if s.parts == nil {
		return nil
	}
	return s.parts.File[name]
}

// fill sets the fields of v, a struct, and returns what is wrong with them; nil: nothing.
func (b *binding) fill(v reflect.Value, from source) *Error {
	var bad *Error
	for i := range b.fields {
		f := &b.fields[i]
		wrong := f.fill(v.FieldByIndex(f.index), from)
		if wrong == "" {
			continue
		}
		if bad == nil {
			bad = &Error{Fields: map[string]string{}}
		}
		bad.Fields[f.name] = wrong
	}
	return bad
}
