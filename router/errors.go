package router

import (
	"errors"
	"strconv"
)

// ErrMoreConflicts is returned by Build, beside 100 conflicts that it lists, when there are more.
var ErrMoreConflicts = errors.New(
	"router: more patterns conflict than the 100 pairs that are listed")

// SyntaxError is one pattern that cannot be read. Build returns it.
type SyntaxError struct {
	Pattern string
	Source  string // "file:line" that was given to Add
	Offset  int    // of the fault in Pattern, in bytes
	Reason  string
}

func (e *SyntaxError) Error() string {
	return "router: " + at(e.Pattern, e.Source) + ": offset " +
		strconv.Itoa(e.Offset) + ": " + e.Reason
}

// ConflictError is a pair of patterns of which neither takes precedence for some request that both
// match. Build returns it.
type ConflictError struct {
	Pattern, Source           string // of the later Add
	OtherPattern, OtherSource string // of the earlier Add
	Same                      bool   // they match the same requests; else they only overlap
	Example                   string // a request that both match: "GET example.com/a/b"
}

func (e *ConflictError) Error() string {
	why := "both match " + e.Example + ", and neither is more specific"
	if e.Same {
		why = "both match the same requests, such as " + e.Example
	}
	return "router: " + at(e.Pattern, e.Source) + " conflicts with " +
		at(e.OtherPattern, e.OtherSource) + ": " + why
}

// LateError is a pattern that was added after a Build that succeeded. The table goes on without it;
// the next Build returns the error.
type LateError struct {
	Pattern string
	Source  string
}

func (e *LateError) Error() string {
	return "router: " + at(e.Pattern, e.Source) + " was added after the table was built"
}

func at(pattern, source string) string {
	if source == "" {
		return strconv.Quote(pattern)
	}
	return strconv.Quote(pattern) + " (" + source + ")"
}
