package lwan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Codec is how JSON is read and written: Server.JSON. It is called where a handler runs, by many at
// the same time.
type Codec interface {
	// Encode writes v to w, without a newline behind it.
	Encode(w io.Writer, v any) error
	// Decode fills v, a pointer, from data, which is one whole document: anything behind it is an
	// error. data may be used for something else afterwards. The client sees neither text nor type
	// of an error, unless it is an *Error.
	Decode(data []byte, v any) error
}

// jsonCodec is encoding/json. It does not escape <, > and & in strings: an answer of type
// application/json is never taken for HTML.
type jsonCodec struct{}

// jsonEncoder is an encoder that writes documents without the newline that encoding/json ends them
// with. It needs no buffer of its own: encoding/json collects a document before it writes it.
type jsonEncoder struct {
	enc *json.Encoder // writes to the jsonEncoder
	to  io.Writer
	err error // of to, which enc would keep for ever
}

var jsonEncoders = sync.Pool{New: func() any {
	e := new(jsonEncoder)
	e.enc = json.NewEncoder(e)
	e.enc.SetEscapeHTML(false)
	return e
}}

// Write is called by enc. The only newlines are those behind documents: in strings they are
// escaped.
func (e *jsonEncoder) Write(p []byte) (int, error) {
	if e.err == nil {
		_, e.err = e.to.Write(bytes.TrimSuffix(p, newline))
	}
	return len(p), nil
}

func (jsonCodec) Encode(w io.Writer, v any) error {
	e := jsonEncoders.Get().(*jsonEncoder)
	e.to, e.err = w, nil
	err := e.enc.Encode(v)
	if err == nil {
		err = e.err
	}
	e.to, e.err = nil, nil
	jsonEncoders.Put(e)
	return err
}

var newline = []byte("\n")

func (jsonCodec) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

// ReadJSON decodes the body into a T with Server.JSON, then calls Validate() error if T or *T has
// it. Its errors know their status:
//
//	415  there is a Content-Type and it is neither application/json nor one that ends in +json; or
//	     the body is compressed (Content-Encoding): its decompressed size has no bound
//	413  the body is over Limits.Body: ErrTooLarge
//	400  the body is empty, no JSON, does not fit T, or has something behind the document
//	422  Validate's error, whose text the client sees. An *Error with a status is returned as it
//	     is; an *Error without one keeps its Message and Fields
//
// It parks while the body comes in. Unknown members are ignored, and the last of several of one
// name counts, as with encoding/json.
func ReadJSON[T any](req *Request) (v T, err error) {
	if ct := req.headerView("Content-Type"); len(ct) > 0 && !isJSON(ct) {
		return v, &Error{
			Status:  StatusUnsupportedMediaType,
			Message: "the body must be of type application/json",
		}
	}
	if err := req.refuseCoding(); err != nil {
		return v, err
	}
	data, err := req.BodyBytes()
	if err != nil {
		return v, err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return v, &Error{Status: StatusBadRequest, Message: "the body is empty, JSON is expected"}
	}
	if err := req.table.core.json.Decode(data, &v); err != nil {
		var none T
		return none, badJSON(err)
	}
	return v, validate(&v)
}

// isJSON reports whether a Content-Type is application/json or has the suffix +json (RFC 6839
// section 3.1).
func isJSON(contentType []byte) bool {
	t := mediaType(contentType)
	return strings.EqualFold(t, typeJSON) ||
		len(t) > 5 && strings.Contains(t, "/") && strings.EqualFold(t[len(t)-5:], "+json")
}

// mediaType is the type/subtype of a Content-Type, without parameters; a view (RFC 9110 section
// 8.3.1).
func mediaType(contentType []byte) string {
	t, _, _ := bytes.Cut(contentType, semicolon)
	return alias(bytes.Trim(t, " \t"))
}

// badJSON says where a body does not fit, in terms of JSON: Go types and a codec's own words are
// for the log.
func badJSON(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err // from an UnmarshalJSON that knows what to say
	}
	msg := "the body is not valid"
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		msg = fmt.Sprintf("the body is no valid JSON at byte %d: %s", e.Offset, e.Error())
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		msg = misfit(e)
	}
	return &Error{Status: StatusBadRequest, Message: msg, Err: err}
}

// maxQuoted is how much of what a client sent is sent back to it in a message.
const maxQuoted = 100

// misfit describes a JSON value that is not of the type of its Go counterpart.
func misfit(e *json.UnmarshalTypeError) string {
	where := "byte " + strconv.FormatInt(e.Offset, 10)
	if e.Field != "" && len(e.Field) <= maxQuoted {
		where = e.Field + ", " + where
	}
	got, number, _ := strings.Cut(e.Value, " ")
	if len(number) > maxQuoted {
		number = "a number"
	}
	want := jsonKind(e.Type)
	switch {
	case want == "number" && got == "number" && number != "":
		return fmt.Sprintf("the body does not fit at %s: %s is out of range or not whole",
			where, number)
	case want == "" || want == got:
		return fmt.Sprintf("the body does not fit at %s: this %s is not expected", where, got)
	}
	return fmt.Sprintf("the body does not fit at %s: %s is expected, not %s", where, want, got)
}

// jsonKind is what a value of type t is in JSON; "" if that is not known.
func jsonKind(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch k := t.Kind(); k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Pointer:
		return jsonKind(t.Elem())
	default:
		if k >= reflect.Int && k <= reflect.Float64 {
			return "number"
		}
		return ""
	}
}

// validator is what a type has that checks itself after decoding.
type validator interface{ Validate() error }

// validate calls the Validate of *p, or of p itself.
func validate[T any](p *T) error {
	check, ok := any(p).(validator) // the method set of *T has T's methods
	if !ok {
		if check, ok = any(*p).(validator); !ok || isNil(check) {
			return nil // a T that is a pointer can be null: there is nothing to validate
		}
	}
	err := check.Validate()
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Status == 0 {
		return &Error{Status: StatusUnprocessable, Message: e.Message, Fields: e.Fields, Err: err}
	}
	if _, ok := errors.AsType[statusCoder](err); ok {
		return err
	}
	return &Error{Status: StatusUnprocessable, Message: err.Error(), Err: err}
}

// statusCoder is an error that knows its status.
type statusCoder interface {
	error
	StatusCode() int
}

func isNil(v any) bool {
	rv := reflect.ValueOf(v)
	return rv.Kind() == reflect.Pointer && rv.IsNil()
}
