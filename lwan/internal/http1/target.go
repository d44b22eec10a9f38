package http1

import (
	"bytes"
	"strings"
)

// The request target (RFC 9112 section 3.2). Its bytes are checked as they come, its form when its end is known.
//
// A path holds what RFC 3986 section 3.3 allows, a query "/" and "?" too (section 3.4), and both "[" and "]", which every
// client leaves as they are. Other bytes have to be percent-encoded, and clients in use do not do it: curl, Node and, in a
// query, Go send what they are given. RFC 9112 section 3.2 would have such a target refused, or its client redirected,
// since it may be meant to be read differently by those who filter requests and those who answer them. So those bytes are
// taken that select nothing, raw or encoded, and that nobody reads as anything else:
//
//	raw            in a path            in a query
//	^ ` { | }      as encoded           as encoded
//	< > "          as encoded           as encoded     (llhttp's cases have the quotation mark in a path)
//	0x80 to 0xff   as encoded           as encoded     whatever the charset: it is bytes that are routed
//	#              refused              as encoded     a fragment is never sent; in a path, half of it would be one
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

// target reads the target and the space after it.
func (p *parser) target() bool {
	i, buf := int(p.pos), p.buf
	if p.flags&inQuery == 0 {
		i = p.path(i)
	}
	if p.flags&inQuery != 0 {
		i = p.query(i)
	}
	switch {
	case i == len(buf):
		return p.more(phaseTarget, i)
	case buf[i] != ' ':
		return p.refuse(400, i, targetFault(buf[i]))
	case i == int(p.mark):
		return p.refuse(400, i, reasonRequestLine)
	}
	p.h.Target, p.h.BareTarget = span(int(p.mark), i), p.flags&bare != 0
	if !p.form(i) {
		return false
	}
	p.mark, p.pos = uint32(i+1), uint32(i+1)
	return true
}

// path reads up to the end of the path, and over the "?" if that is what ends it.
func (p *parser) path(i int) int {
	buf, flags := p.buf, p.flags
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
	p.flags = flags
	return i
}

// query reads up to the end of the query.
func (p *parser) query(i int) int {
	buf, seen := p.buf, queryPlain
	for i < len(buf) {
		class := queryClasses[buf[i]]
		if class == queryEnd {
			break
		}
		seen |= class
		i++
	}
	if seen&queryBare != 0 {
		p.flags |= bare
	}
	return i
}

const upperHex = "0123456789ABCDEF"

// AppendTarget appends a target, or a part of one, as a URI has it: what was sent bare is percent-encoded. It is for those
// of which Head.BareTarget says that they need it; others stay as they are.
func AppendTarget(dst, target []byte) []byte {
	for _, c := range target {
		if queryClasses[c] == queryBare { // all that a path may have is among them
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

func targetFault(c byte) string {
	switch c {
	case '\r':
		return reasonRequestLine
	case '\n':
		return reasonBareLF
	}
	return reasonTargetByte
}

// form finds the form of the target, which ends before the space at end, and whether the method may have it.
func (p *parser) form(end int) bool {
	start := int(p.mark)
	if p.isMethod("CONNECT") {
		return p.authorityForm(end)
	}
	query := end
	if p.flags&inQuery != 0 {
		query = start + bytes.IndexByte(p.buf[start:end], '?')
		p.h.HasQuery, p.h.Query = true, span(query+1, end)
	}
	switch {
	case p.buf[start] == '/':
		p.h.PlainPath = p.flags&(escaped|unclean) == 0
		return p.setPath(start, query, end)
	case p.buf[start] == '*' && end == start+1:
		return p.asteriskForm(end)
	}
	return p.absoluteForm(query, end)
}

// setPath takes the path of an origin-form or absolute-form target. A wrong escape in it could only be guessed at; one in
// the query is the handler's to judge.
func (p *parser) setPath(start, query, end int) bool {
	p.h.Path = span(start, query)
	if p.flags&escaped == 0 {
		return true
	}
	if bad := badEscape(p.buf[start:query]); bad >= 0 {
		return p.refuseAt(400, start+bad, end, reasonEscape)
	}
	return true
}

// badEscape is the index of the first "%" in b that is not followed by two hexadecimal digits, -1 if there is none.
func badEscape(b []byte) int {
	for i, c := range b {
		if c == '%' && (len(b)-i < 3 || hexDigit[b[i+1]]|hexDigit[b[i+2]] > 15) {
			return i
		}
	}
	return -1
}

// authorityForm: CONNECT takes a host and a port and nothing else (RFC 9112 section 3.2.3); without a port there is
// nothing to connect to (RFC 9110 section 9.3.6).
func (p *parser) authorityForm(end int) bool {
	start := int(p.mark)
	if !validAuthority(p.buf[start:end], true) {
		return p.refuseAt(400, start, end, reasonForm)
	}
	p.h.Form, p.h.Authority = AuthorityForm, p.h.Target
	return true
}

// asteriskForm is for OPTIONS (RFC 9112 section 3.2.4). Other protocols that look like HTTP have methods that take it
// too; it is their method that is not implemented here.
func (p *parser) asteriskForm(end int) bool {
	switch {
	case p.isMethod("OPTIONS"):
		p.h.Form = AsteriskForm
		return true
	case Registered(p.buf[p.line : p.mark-1]):
		return p.refuseAt(400, int(p.mark), end, reasonForm)
	}
	return p.refuseAt(501, int(p.line), end, reasonUnknownMethod)
}

// absoluteForm takes an http or https URI with any method (RFC 9112 section 3.2.2). A host must be in it (RFC 9110
// section 4.2.1), and no user information: who follows such a reference is likely to be deceived (section 4.2.4).
func (p *parser) absoluteForm(query, end int) bool {
	buf, start := p.buf, int(p.mark)
	scheme := schemeLen(buf[start:query])
	if scheme == 0 {
		return p.refuseAt(400, start, end, reasonTarget)
	}
	host := start + scheme + len("://")
	path := query
	if i := bytes.IndexByte(buf[host:query], '/'); i >= 0 {
		path = host + i
	}
	if bytes.IndexByte(buf[host:path], '@') >= 0 {
		return p.refuseAt(400, host, end, reasonUserinfo)
	}
	if !validAuthority(buf[host:path], false) {
		return p.refuseAt(400, host, end, reasonAuthority)
	}
	p.h.Form, p.h.Scheme, p.h.Authority = AbsoluteForm, span(start, start+scheme), span(host, path)
	p.h.PlainPath = plainPath(buf[path:query])
	return p.setPath(path, query, end)
}

// schemeLen is the length of "http" or "https" at the start of a target that goes on with "://", else 0.
func schemeLen(target []byte) int {
	for _, prefix := range [...]string{"http://", "https://"} {
		if len(target) >= len(prefix) && equalFold(target[:len(prefix)], prefix) {
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

func (p *parser) isMethod(name string) bool {
	return string(p.buf[p.line:p.mark-1]) == name
}
