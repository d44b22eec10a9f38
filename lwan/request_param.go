package lwan

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Param is the value of a wildcard of the route's pattern as a T: a string, a bool, a number, a
// time.Duration, a type made of one of those, or any type whose pointer is an
// encoding.TextUnmarshaler (time.Time, netip.Addr, big.Int). Numbers are decimal and finite.
//
// A value that is no T is an *Error of status 404: a resource with such a path does not exist. A T
// of another kind, and a pattern without that wildcard, are errors of status 500.
func Param[T any](req *Request, name string) (T, error) {
	v, err := parse[T](req.param(name))
	if err != nil {
		return v, req.badParam(name, err)
	}
	return v, nil
}

// badParam finds the answer to a path parameter that could not be parsed.
func (r *Request) badParam(name string, cause error) error {
	if r.hasParam(name) {
		return badValue(StatusNotFound, name, cause)
	}
	return &Error{
		Status: StatusInternalServerError,
		Err:    fmt.Errorf("lwan: the pattern %q has no wildcard {%s}", r.Pattern(), name),
	}
}

// Query is the value of the first query parameter of that name as a T, which may be what it may be
// for Param. If there is none, or it is no T, that is an *Error of status 400. "?n=" is there and
// empty: good for a string, not for a number.
func Query[T any](req *Request, name string) (T, error) {
	text, ok := req.queryPairs().find(name)
	if !ok {
		var none T
		return none, &Error{Status: StatusBadRequest, Message: name + " is missing"}
	}
	return parseQuery[T](name, text)
}

// QueryOr is Query for a parameter that may be left out: def, if there is none or it is empty.
func QueryOr[T any](req *Request, name string, def T) (T, error) {
	text, _ := req.queryPairs().find(name)
	if text == "" {
		return def, nil
	}
	return parseQuery[T](name, text)
}

func parseQuery[T any](name, text string) (T, error) {
	v, err := parse[T](text)
	if err != nil {
		return v, badValue(StatusBadRequest, name, err)
	}
	return v, nil
}

// badValue is the error of a value that could not be parsed. Its message names the value, and not
// how it was parsed.
func badValue(st Status, name string, cause error) error {
	if _, ok := errors.AsType[*unsupportedType](cause); ok {
		return &Error{Status: StatusInternalServerError, Err: fmt.Errorf("%s: %w", name, cause)}
	}
	if errors.Is(cause, strconv.ErrRange) {
		return &Error{Status: st, Message: name + " is out of range", Err: cause}
	}
	return &Error{Status: st, Message: name + " is not valid", Err: cause}
}

// unsupportedType is a T that no text can be parsed into.
type unsupportedType struct{ reflect.Type }

func (e *unsupportedType) Error() string {
	return fmt.Sprintf("lwan: a %s cannot be parsed from text: it is no string, number, bool or "+
		"encoding.TextUnmarshaler", e.Type)
}

// parse makes a T of text, which may be a view: nothing of it is kept.
func parse[T any](text string) (T, error) {
	if v, known, err := parseCommon[T](text); known {
		return v, err
	}
	v := new(T)
	err := parseInto(v, strings.Clone(text))
	return *v, err
}

// parseCommon parses the types that are asked for most, without reflection and without moving v to
// the heap.
func parseCommon[T any](text string) (v T, known bool, err error) {
	known = true
	switch p := any(&v).(type) {
	case *string:
		*p = strings.Clone(text)
	case *int:
		*p, err = strconv.Atoi(text)
	case *int64:
		*p, err = strconv.ParseInt(text, 10, 64)
	case *uint64:
		*p, err = strconv.ParseUint(text, 10, 64)
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *float64:
		*p, err = parseFloat(text, 64)
	case *time.Duration:
		*p, err = time.ParseDuration(text)
	default:
		known = false
	}
	return zeroIf(err, v), known, err
}

// zeroIf is v, but the zero value with an error: strconv returns the nearest number with its range
// errors.
func zeroIf[T any](err error, v T) T {
	if err != nil {
		var zero T
		return zero
	}
	return v
}

// parseInto parses into what v points to, in the way of its kind. v is not changed by text that
// does not fit.
func parseInto(v any, text string) error {
	if u, ok := v.(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	rv := reflect.ValueOf(v).Elem()
	switch rv.Kind() {
	case reflect.String:
		rv.SetString(text)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		rv.SetBool(b)
		return err
	}
	return parseNumber(rv, text)
}

func parseNumber(rv reflect.Value, text string) error {
	switch rv.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, rv.Type().Bits())
		rv.SetInt(zeroIf(err, n))
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, rv.Type().Bits())
		rv.SetUint(zeroIf(err, n))
		return err
	case reflect.Float32, reflect.Float64:
		f, err := parseFloat(text, rv.Type().Bits())
		rv.SetFloat(zeroIf(err, f))
		return err
	}
	return &unsupportedType{rv.Type()}
}

// parseFloat takes no NaN and no infinity: they pass every check of the kind "if x < 0 || x > max"
// that a handler makes.
func parseFloat(text string, bits int) (float64, error) {
	f, err := strconv.ParseFloat(text, bits)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = &strconv.NumError{
			Func: "ParseFloat", Num: strings.Clone(text), Err: strconv.ErrSyntax,
		}
	}
	return f, err
}
