package message

import (
	"bytes"
	"strings"
)

// The request target (RFC 9112 section 3.2). Its bytes are checked as they come, its form when its
// end is known.
//
// A path holds what RFC 3986 section 3.3 allows, a query "/" and "?" too (section 3.4), and both
// "[" and "]", which every client leaves as they are. Other bytes have to be percent-encoded, and
// clients in use do not do it: curl, Node and, in a query, Go send what they are given. RFC 9112
// section 3.2 would have such a target refused, or its client redirected, since filters and servers
// may be meant to read it differently. So those bytes are taken that select nothing, raw or
// encoded, and that nobody reads as anything else:
//
//	raw            in a path            in a query
//	^ ` { | }      as encoded           as encoded
//	< > "          as encoded           as encoded     (llhttp has the quotation mark in a path)
//	0x80 to 0xff   as encoded           as encoded     whatever the charset: bytes are routed
//	#              refused              as encoded     in a path it would begin a fragment
//	\              refused              as encoded     a separator for some
//	controls, SP   refused              refused        they end the target, or the line, for some
//
// What shows a target, or sends it on, uses AppendTarget, so that all see the same.

type pathClass uint8

const (
	pathPlain pathClass = iota
	pathSlash
	pathPercent
	pathQuery
	pathBare // has to be percent-encoded, and is not
	pathEnd  // space, or a byte that does not belong here
)

const (
	bareInPath  = "\"<>^`{|}"
	bareInQuery = bareInPath + "#\\"
)

var pathClasses = func() (table [256]pathClass) {
	for c := range table {
		switch {
		case c >= 0x80 || strings.IndexByte(bareInPath, byte(c)) >= 0:
			table[c] = pathBare
		case !pcharOctet[c] && c != '[' && c != ']':
			table[c] = pathEnd
		}
	}
	table['/'], table['%'], table['?'] = pathSlash, pathPercent, pathQuery
	return table
}()

// queryClass is a set, so that a query is read without a branch for each byte.
type queryClass uint8

const (
	queryPlain queryClass = 1 << iota
	queryBare
	queryEnd queryClass = 0
)

var queryClasses = func() (table [256]queryClass) {
	for c := range table {
		switch {
		case c >= 0x80 || strings.IndexByte(bareInQuery, byte(c)) >= 0:
			table[c] = queryBare
		case pcharOctet[c] || strings.IndexByte("/?%[]", byte(c)) >= 0:
			table[c] = queryPlain
		}
	}
	return table
}()

// TargetMarks is what the bytes of a target so far are, for a scan that may stop after any byte.
// The zero value is the start of a target.
type TargetMarks uint8

const (
	inQuery TargetMarks = 1 << iota // the target has had its "?"
	escaped                         // the path has a "%"
	unclean                         // the path has "//" or "/."
	bare                            // the target has a byte that has to be percent-encoded
)

// Scan reads a target from buf[i] on: it returns the index of the first byte that no target can
// hold, or len(buf).
func (m *TargetMarks) Scan(buf []byte, i int) int {
	if *m&inQuery == 0 {
		i = m.path(buf, i)
	}
	if *m&inQuery != 0 {
		i = m.query(buf, i)
	}
	return i
}

// path reads up to the end of the path, and over the "?" if that is what ends it.
func (m *TargetMarks) path(buf []byte, i int) int {
	flags := *m
	for ; i < len(buf); i++ {
		switch pathClasses[buf[i]] {
		case pathPlain:
			continue
		case pathSlash:
			if i+1 < len(buf) && (buf[i+1] == '/' || buf[i+1] == '.') {
				flags |= unclean
			}
			continue
		case pathPercent:
			flags |= escaped
			continue
		case pathBare:
			flags |= bare
			continue
		case pathQuery:
			flags |= inQuery
			i++
		}
		break
	}
	*m = flags
	return i
}

// query reads up to the end of the query.
func (m *TargetMarks) query(buf []byte, i int) int {
	seen := queryPlain
	for i < len(buf) {
		class := queryClasses[buf[i]]
		if class == queryEnd {
			break
		}
		seen |= class
		i++
	}
	if seen&queryBare != 0 {
		*m |= bare
	}
	return i
}

// SetTarget takes method and target, which lie in buf and have been scanned: it finds the form of
// the target, and whether the method may have it (RFC 9112 section 3.2). The Error has Status 0 if
// so.
func (h *Head) SetTarget(buf []byte, method, target Span, marks TargetMarks) Error {
	h.Method, h.Target, h.BareTarget = method, target, marks&bare != 0
	if string(method.Of(buf)) == "CONNECT" {
		return h.authorityForm(buf)
	}
	start, end := int(target.Off), int(target.End)
	query := end
	if marks&inQuery != 0 {
		query = start + bytes.IndexByte(buf[start:end], '?')
		h.HasQuery, h.Query = true, SpanOf(query+1, end)
	}
	switch {
	case buf[start] == '/':
		h.PlainPath = marks&(escaped|unclean) == 0
		return h.setPath(buf, start, query, marks)
	case buf[start] == '*' && end == start+1:
		return h.asteriskForm(buf)
	}
	return h.absoluteForm(buf, query, marks)
}

// setPath takes the path of an origin-form or absolute-form target. A wrong escape in it could only
// be guessed at; one in the query is the handler's to judge.
func (h *Head) setPath(buf []byte, start, query int, marks TargetMarks) Error {
	h.Path = SpanOf(start, query)
	if marks&escaped == 0 {
		return Error{}
	}
	if bad := badEscape(buf[start:query]); bad >= 0 {
		return Error{400, start + bad, ReasonEscape}
	}
	return Error{}
}

// badEscape is the index of the first "%" in b that is not followed by two hexadecimal digits, -1
// if there is none.
func badEscape(b []byte) int {
	for i, c := range b {
		if c == '%' && (len(b)-i < 3 || hexDigit[b[i+1]]|hexDigit[b[i+2]] > 15) {
			return i
		}
	}
	return -1
}

// authorityForm: CONNECT takes a host and a port and nothing else (RFC 9112 section 3.2.3); without
// a port there is nothing to connect to (RFC 9110 section 9.3.6).
func (h *Head) authorityForm(buf []byte) Error {
	if !validAuthority(h.Target.Of(buf), true) {
		return Error{400, int(h.Target.Off), ReasonForm}
	}
	h.Form, h.Authority = AuthorityForm, h.Target
	return Error{}
}

// asteriskForm is for OPTIONS (RFC 9112 section 3.2.4). Other protocols that look like HTTP have
// methods that take it too; it is their method that is not implemented here.
func (h *Head) asteriskForm(buf []byte) Error {
	method := h.Method.Of(buf)
	switch {
	case string(method) == "OPTIONS":
		h.Form = AsteriskForm
		return Error{}
	case Registered(method):
		return Error{400, int(h.Target.Off), ReasonForm}
	}
	return Error{501, int(h.Method.Off), ReasonUnknownMethod}
}

// absoluteForm takes an http or https URI with any method (RFC 9112 section 3.2.2). A host must be
// in it (RFC 9110 section 4.2.1), and no user information: such references are made to deceive
// their readers (section 4.2.4).
func (h *Head) absoluteForm(buf []byte, query int, marks TargetMarks) Error {
	start := int(h.Target.Off)
	scheme := schemeLen(buf[start:query])
	if scheme == 0 {
		return Error{400, start, ReasonTarget}
	}
	host := start + scheme + len("://")
	path := query
	if i := bytes.IndexByte(buf[host:query], '/'); i >= 0 {
		path = host + i
	}
	if bytes.IndexByte(buf[host:path], '@') >= 0 {
		return Error{400, host, ReasonUserinfo}
	}
	if !validAuthority(buf[host:path], false) {
		return Error{400, host, ReasonAuthority}
	}
	h.Form, h.Scheme, h.Authority = AbsoluteForm, SpanOf(start, start+scheme), SpanOf(host, path)
	h.PlainPath = plainPath(buf[path:query])
	return h.setPath(buf, path, query, marks)
}

// schemeLen is the length of "http" or "https" at the start of a target that goes on with "://",
// else 0.
func schemeLen(target []byte) int {
	for _, prefix := range [...]string{"http://", "https://"} {
		if len(target) >= len(prefix) && EqualFold(target[:len(prefix)], prefix) {
			return len(prefix) - len("://")
		}
	}
	return 0
}

// plainPath is Head.PlainPath for a path that was not looked at on its own.
func plainPath(path []byte) bool {
	for i, c := range path {
		if c == '%' || c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
			return false
		}
	}
	return len(path) > 0
}
