package conf

import (
	"bytes"
	"net/netip"
	"os"
	"regexp"
	"strings"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/router"
)

// Cond is a condition, compiled: a list of tests, each with the two places to go on at.
//
//	if host == a and not (path under /x or cookie y)
//
//	  0  host == a      yes: 1      no: false
//	  1  path under /x  yes: false  no: 2
//	  2  cookie y       yes: false  no: true
//
// Go on is forward only, so that each test is looked at once at most.
type Cond struct {
	tests []test
	text  string
}

// subject is what a test looks at.
type subject uint8

const (
	subjectAlways subject = iota
	subjectHost
	subjectPath
	subjectMethod
	subjectScheme
	subjectProtocol
	subjectRemote
	subjectUser
	subjectHeader
	subjectCookie
	subjectQuery
	subjectEnv
)

var subjects = map[string]subject{
	"always": subjectAlways, "host": subjectHost, "path": subjectPath, "method": subjectMethod,
	"scheme": subjectScheme, "protocol": subjectProtocol, "remote": subjectRemote,
	"user":   subjectUser,
	"header": subjectHeader, "cookie": subjectCookie, "query": subjectQuery, "env": subjectEnv,
}

// named reports whether a name stands behind the subject.
func (s subject) named() bool { return s >= subjectHeader }

// operator is how a test compares.
type operator uint8

const (
	opPresent  operator = iota // it is there
	opEqual                    // is one of the operands
	opPrefix                   // begins with one
	opSuffix                   // ends with one
	opMatch                    // fits the regular expression
	opUnder                    // is one of these paths, or below it
	opContains                 // has one anywhere
)

// test is one comparison.
type test struct {
	subject  subject
	op       operator
	name     string // of a header, cookie, parameter or variable
	env      string // the variable's value, and whether it is set
	set      bool
	values   [][]byte // the operands
	texts    []string // and the same as strings
	re       *regexp.Regexp
	networks []netip.Prefix
	yes, no  int // the test that comes next; or one of these:
}

const (
	isTrue  = -1
	isFalse = -2
)

// ParseCond reads a condition by itself, as it stands between "if" and its brace. Variables are
// those of the environment.
func ParseCond(text string) (*Cond, error) {
	r := &report{}
	p := &parser{
		src: &source{name: "condition", text: text}, report: r,
		vars: newVariables(nil, os.LookupEnv),
	}
	e := p.condition()
	if e != nil {
		p.condSpace()
		if !p.atEnd() {
			r.add(p.here(), "", "the condition ends here, and something is behind it")
		}
	}
	if err := r.sorted().Err(); err != nil {
		return nil, err
	}
	return compile(e, p.tokens), nil
}

// compile lays the tests of e out, the last one first since that one's targets are known, and then
// turns them round.
func compile(e *expr, tokens []token) *Cond {
	var list []test
	emit(e, isTrue, isFalse, &list)
	n := len(list)
	for i := range n / 2 {
		list[i], list[n-1-i] = list[n-1-i], list[i]
	}
	for i := range list {
		for _, target := range []*int{&list[i].yes, &list[i].no} {
			if *target >= 0 {
				*target = n - 1 - *target
			}
		}
	}
	return &Cond{tests: list, text: oneLine(tokens)}
}

// emit appends the tests of e to list, where yes and no are the places to go on at, and returns the
// place of the first of them.
func emit(e *expr, yes, no int, list *[]test) int {
	switch e.op {
	case '!':
		return emit(e.args[0], no, yes, list)
	case '&':
		for i := len(e.args) - 1; i >= 0; i-- {
			yes = emit(e.args[i], yes, no, list)
		}
		return yes
	case '|':
		for i := len(e.args) - 1; i >= 0; i-- {
			no = emit(e.args[i], yes, no, list)
		}
		return no
	}
	t := e.test
	t.yes, t.no = yes, no
	if e.negative {
		t.yes, t.no = no, yes
	}
	*list = append(*list, t)
	return len(*list) - 1
}

// String is the condition in the form of the formatter.
func (c *Cond) String() string { return c.text }

// Holds reports whether the condition holds for a request. It allocates nothing, but where a host
// was sent in capitals or a slash encoded, and keeps no view of the request.
func (c *Cond) Holds(req *lwan.Request) (holds bool) {
	req.Borrow(func() { holds = c.holds(req) })
	return holds
}

func (c *Cond) holds(req *lwan.Request) bool {
	for i := 0; ; {
		t := &c.tests[i]
		next := t.no
		if t.holds(req) {
			next = t.yes
		}
		if next < 0 {
			return next == isTrue
		}
		i = next
	}
}

func (t *test) holds(req *lwan.Request) bool {
	var v []byte
	ok := true
	switch t.subject {
	case subjectAlways:
		return true
	case subjectRemote:
		return t.remote(req.RemoteAddr().Addr())
	case subjectMethod:
		return t.text(req.Method())
	case subjectScheme:
		return t.text(req.Scheme())
	case subjectProtocol:
		return t.text(req.Proto())
	case subjectUser:
		user, known := handlers.UserKey.Get(req)
		return known && t.text(user)
	case subjectEnv:
		return t.set && (t.op == opPresent || t.text(t.env))
	case subjectHost:
		v = req.HostBytes()
	case subjectPath:
		v = plainPath(req.PathBytes())
	case subjectHeader:
		v = req.HeaderBytes(t.name)
		ok = v != nil
	case subjectQuery:
		v, ok = req.QueryBytes(t.name)
	case subjectCookie:
		v, ok = req.CookieBytes(t.name)
	}
	return ok && (t.op == opPresent || t.bytes(v))
}

func (t *test) remote(a netip.Addr) bool {
	for i := range t.networks {
		if t.networks[i].Contains(a) {
			return true
		}
	}
	return false
}

func (t *test) bytes(v []byte) bool {
	if t.op == opMatch {
		return t.re.Match(v)
	}
	for _, w := range t.values {
		if t.op.compare(v, w) {
			return true
		}
	}
	return false
}

func (o operator) compare(v, w []byte) bool {
	switch o {
	case opEqual:
		return bytes.Equal(v, w)
	case opPrefix:
		return bytes.HasPrefix(v, w)
	case opSuffix:
		return bytes.HasSuffix(v, w)
	case opContains:
		return bytes.Contains(v, w)
	case opUnder:
		return under(v, w)
	}
	return false
}

// plainPath is a path as who takes an encoded slash, which is NUL in p, for a slash finds it: a
// backend might, and what is protected from the one must be from the other.
func plainPath(p []byte) []byte {
	if bytes.IndexByte(p, router.EncodedSlash) < 0 {
		return p
	}
	return []byte(router.Clean(strings.ReplaceAll(string(p), string(router.EncodedSlash), "/")))
}

// under reports whether a path is another one or lies below it.
func under(v, w []byte) bool {
	w = bytes.TrimSuffix(w, slash)
	return bytes.HasPrefix(v, w) && (len(v) == len(w) || v[len(w)] == '/')
}

var slash = []byte("/")

// text is bytes for what the request has as a string.
func (t *test) text(v string) bool {
	if t.op == opMatch {
		return t.re.MatchString(v)
	}
	for _, w := range t.texts {
		if t.op.compareText(v, w) {
			return true
		}
	}
	return false
}

func (o operator) compareText(v, w string) bool {
	switch o {
	case opPresent:
		return true
	case opEqual:
		return v == w
	case opPrefix:
		return strings.HasPrefix(v, w)
	case opSuffix:
		return strings.HasSuffix(v, w)
	case opContains:
		return strings.Contains(v, w)
	}
	return false
}
