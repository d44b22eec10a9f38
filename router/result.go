package router

import "strconv"

// Result says how a Find ended.
type Result struct {
	Kind Kind

	// Pattern is the pattern of the route whose value Find returned, as it was given to Add; ""
	// with NotFound.
	Pattern string

	// Allow is the value of the Allow field that goes with MethodNotAllowed (RFC 9110, section
	// 15.5.6): the methods that the path's patterns name, sorted.
	Allow string

	// Location is the value of the Location field that goes with Redirect: the path with a slash
	// appended, escaped, to be sent as it is. The query, if there was one, is the caller's to
	// append.
	Location string
}

// Kind is how a Find ended.
type Kind uint8

const (
	// Found: the value is that of the most specific route that matches.
	Found Kind = iota

	// NotFound: nothing matches, whatever the method. The value is zero. Answer 404.
	NotFound

	// MethodNotAllowed: there are routes for the path, none for the method. The value is that of
	// the most specific path's first route. Answer 405 with Allow.
	MethodNotAllowed

	// Redirect: no route matches the path exactly, but one does with a slash appended, and the
	// value is that one's. Answer 307 with Location (RFC 9110, section 15.4.8), which keeps the
	// method and the body.
	Redirect
)

// String is the name of the constant.
func (k Kind) String() string {
	switch k {
	case Found:
		return "Found"
	case NotFound:
		return "NotFound"
	case MethodNotAllowed:
		return "MethodNotAllowed"
	case Redirect:
		return "Redirect"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}
