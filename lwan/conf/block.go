package conf

import (
	"strings"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// block is what filters and content stand in: the top level, a site, an at, an if, or a section of
// content, which has filters alone. Filters of all blocks of a site count for the site as a whole,
// each where its guards hold: what is found below a prefix is protected by the filters of its at,
// whoever serves it.
type block struct {
	*binder
	n       *node
	filters *[]*filter
	site    *site   // content goes here; nil: there is none in this block
	prefix  string  // of the at around, without a slash at its end
	guards  []guard // of the ifs and ats around
	top     bool

	rewrites *[]*handlers.Rewriter // of the site, or of all sites
	contents *[]*content           // of the site, or of the innermost if
	ifs      []*node               // the branches around
	inIf     bool
	inside   string // name of the content around
}

// body takes statements. fallback is asked for what is no filter, in a section of content.
func (b *block) body(list []*node, fallback func(n *node) bool) {
	for i, n := range list {
		if n.kind == branch || n.kind == otherwise {
			b.branch(n, list[:i+1])
			continue
		}
		if fallback == nil || !fallback(n) {
			b.statement(n, list[:i+1])
		}
	}
}

// statement takes one; upTo is its block up to it, for an else.
func (b *block) statement(n *node, upTo []*node) {
	switch {
	case n.kind == branch, n.kind == otherwise:
		b.branch(n, upTo)
	case n.kind == setting:
		b.report.add(n.at, "",
			"%s has no settings of its own: %q belongs to the top level or into a section",
			b.where(), n.name)
	case n.name == "access_log":
		b.accessLog(n)
	case n.name == "at" && !b.top && b.inside == "":
		b.at(n)
	case n.name == "tls":
		b.tls(n)
	case n.name == "rewrite" && n.arg == "":
		b.rewriteBefore(n)
	case n.name == "authorization" && b.inside != "":
		b.authorization(n)
	case b.reg.filter(n.name) != nil:
		b.filter(n)
	default:
		b.content(n)
	}
}

func (b *block) where() string {
	switch {
	case b.inIf:
		return "an if"
	case b.top:
		return "the file"
	case b.inside != "":
		return b.inside
	}
	return b.n.name
}

// branch takes an if, or an else that belongs to what stands before it.
func (b *block) branch(n *node, upTo []*node) {
	inner := *b
	inner.n, inner.inIf = n, true
	inner.ifs = append(b.ifs[:len(b.ifs):len(b.ifs)], chain(n, upTo)...)
	inner.guards = append(b.guards[:len(b.guards):len(b.guards)], b.branchGuards(n, upTo)...)
	if b.broken(n, upTo) {
		inner.site = nil // its content has nowhere to go, and that was reported
	}
	inner.contents = &[]*content{}
	inner.body(n.body, nil)
	if list := *inner.contents; len(list) > 0 && inner.site != nil {
		inner.early(list[0].n)
		b.site.branches = append(b.site.branches, &conditional{inner.guards, list})
	}
}

// early checks the conditions around what is asked for before content is chosen: what is found out
// about a request only on its way cannot be in them.
func (b *block) early(n *node) {
	for _, branch := range b.ifs {
		if branch.cond.asks(subjectUser) {
			b.report.add(branch.at, "put the condition around filters: access { all = deny }",
				"%s is chosen before anybody knows the user", n.name)
		}
		if branch.cond.asks(subjectRemote) {
			b.config.askedEarly = append(b.config.askedEarly, branch)
		}
	}
}

// chain is the branches from an if to the one that n is, n included.
func chain(n *node, upTo []*node) []*node {
	var list []*node
	for i := len(upTo) - 1; i >= 0; i-- {
		if upTo[i].kind != branch && upTo[i].kind != otherwise {
			break
		}
		list = append(list, upTo[i])
		if upTo[i].kind == branch {
			break
		}
	}
	return list
}

func (b *block) broken(n *node, upTo []*node) bool {
	for _, c := range chain(n, upTo) {
		if c.test && c.cond == nil {
			return true
		}
	}
	return false
}

// branchGuards are what must hold for a branch: its own condition, and none of those before it.
func (b *block) branchGuards(n *node, upTo []*node) (guards []guard) {
	for _, c := range chain(n, upTo) {
		if c.cond == nil {
			continue
		}
		cond := compile(c.cond, c.raw.tokens)
		if c == n {
			guards = append(guards, cond.Holds)
		} else {
			guards = append(guards, func(req *lwan.Request) bool { return !cond.Holds(req) })
		}
	}
	return guards
}

// at takes what is for a part of the tree.
func (b *block) at(n *node) {
	if !b.hasPrefix(n) {
		return
	}
	inner := *b
	inner.n = n
	inner.prefix = b.prefix + strings.TrimSuffix(n.arg, "/")
	below := []byte(inner.prefix)
	inner.guards = append(b.guards[:len(b.guards):len(b.guards)],
		func(req *lwan.Request) (is bool) {
			req.Borrow(func() { is = under(plainPath(req.PathBytes()), below) })
			return is
		})
	inner.body(n.body, nil)
}

// hasPrefix checks the path behind the name of content.
func (b *block) hasPrefix(n *node) bool {
	switch {
	case !strings.HasPrefix(n.arg, "/"):
		b.report.add(n.at, "write "+n.name+" /path { }", "%s needs a path that begins with a slash",
			n.name)
		return false
	case strings.ContainsAny(n.arg, " {}%") || n.arg != cleanPath(n.arg):
		b.report.add(n.argAt,
			"a path is written decoded, without blanks, braces, %, and empty, . or .. segments",
			"%q is no path of content", n.arg)
		return false
	}
	return true
}

// cleanPath is the path without empty and dot segments.
func cleanPath(p string) string {
	var b strings.Builder
	for s := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
		if s != "" && s != "." && s != ".." {
			b.WriteString("/" + s)
		}
	}
	if strings.HasSuffix(p, "/") {
		b.WriteByte('/')
	}
	return b.String()
}

// filter binds one.
func (b *block) filter(n *node) {
	f := b.reg.filter(n.name)
	if n.arg != "" && !hasArgument(fieldsOf(f.ConfigType())) {
		b.report.add(n.argAt, "for a part of the tree write at "+n.arg+" { "+n.name+" { } }",
			"%s is a filter, with nothing behind its name", n.name)
		return
	}
	d := &decoder{report: b.report}
	made := &filter{n: n}
	made.phase, _ = f.place()
	made.config, made.open = f.bind(func(into any) {
		d.decode(n, into)
		if own, ok := into.(belonger); ok {
			own.belong(b.config)
		}
		if own, ok := into.(phased); ok {
			made.phase = own.phase()
		}
		if own, ok := into.(fieldSetter); ok {
			made.sets = own.setsFields()
		}
		if own, ok := into.(groupUser); ok {
			b.useGroup(n, own)
		}
		if own, ok := into.(*access); ok {
			made.access = own
			b.either(n, own)
		}
	})
	b.keep(made)
}

// belonger is a configuration that asks others of the file, once all are bound.
type belonger interface{ belong(of *Config) }

// phased is a configuration that decides in which phase its filter is.
type phased interface{ phase() Phase }

func hasArgument(fields []field) bool {
	for _, f := range fields {
		if f.arg {
			return true
		}
	}
	return false
}

func (b *block) keep(f *filter) {
	f.guards, f.in = b.guards, b.n
	*b.filters = append(*b.filters, f)
}

func (b *block) accessLog(n *node) {
	l := &accessLog{n: n}
	(&decoder{report: b.report}).decode(n, &l.config)
	b.keep(&filter{n: n, phase: PhaseID, log: l})
}

// content binds a module or a handler.
func (b *block) content(n *node) {
	m := b.reg.module(n.name)
	h, named := b.reg.Handlers[strings.TrimPrefix(n.name, "&")]
	isHandler := strings.HasPrefix(n.name, "&")
	switch {
	case isHandler && !named:
		b.report.add(n.at, suggest(n.name, b.handlerNames()), "there is no handler %q", n.name)
		return
	case !isHandler && m == nil:
		b.unknownContent(n)
		return
	case b.top:
		b.report.add(n.at, "site { "+n.name+" "+n.arg+" { } }", "%s belongs into a site", n.name)
		return
	case b.inside != "":
		b.report.add(n.at, "", "only filters may stand inside of %s", b.inside)
		return
	case !b.hasPrefix(n):
		return
	}
	c := &content{n: n, prefix: b.prefix + n.arg}
	inner := &block{binder: b.binder, n: n, filters: &c.filters, inside: n.name,
		rewrites: b.rewrites}
	if isHandler {
		c.handler = h
		inner.body(n.body, nil)
	} else {
		d := &decoder{report: b.report, other: func(s *node) bool {
			own := s.kind != section || s.name == "authorization" || s.name == "access_log" ||
				b.reg.filter(s.name) != nil || b.reg.module(s.name) != nil
			if own {
				inner.statement(s, upTo(n.body, s))
			}
			return own
		}}
		c.module = b.bound(m, d, n)
	}
	if b.site != nil {
		*b.contents = append(*b.contents, c)
	}
}

// upTo is the part of a block that ends with n.
func upTo(list []*node, n *node) []*node {
	for i := range list {
		if list[i] == n {
			return list[:i+1]
		}
	}
	return nil
}

func (b *block) unknownContent(n *node) {
	known := b.reg.filterNames()
	if b.top {
		known = append(known, topSections...)
		b.report.add(n.at, suggest(n.name, known), "there is no section %q at the top level",
			n.name)
		return
	}
	known = append(known, b.reg.moduleNames()...)
	known = append(known, "at", "access_log", "tls")
	b.report.add(n.at, suggest(n.name, known), "there is no module %q", n.name)
}
