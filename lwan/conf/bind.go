package conf

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// binder makes a Config of a tree.
type binder struct {
	reg    Registry
	report *report
	config *Config

	eithers []*either
}

// ownSections are those of the language itself, beside modules and filters.
var ownSections = []string{
	"listener", "tls_listener", "site", "headers", "log", "straitjacket", "straightjacket",
	"constants", "include", "at", "tls", "authorization", "access_log", "group",
}

// topSections are those of them that stand at the top level.
var topSections = []string{
	"listener", "tls_listener", "site", "headers", "log", "straitjacket", "constants", "include",
	"access_log", "group",
}

func (b *binder) file(tree []*node) {
	root := &node{kind: section, body: tree}
	if len(tree) > 0 {
		root.at = place{tree[0].at.src, 0}
	}
	outer := &block{
		binder: b, filters: &b.config.top, top: true, rewrites: &b.config.rewrites,
	}
	d := &decoder{report: b.report, other: func(n *node) bool {
		b.topSection(n, outer, tree)
		return true
	}}
	d.decode(root, &b.config.settings)
	b.checkSettings(root)
	b.checkTLS()
	b.checkGroups()
	b.joinEithers()
	b.checkAskedEarly()
	b.checkJacket()
	b.config.opens = b.report.opens
}

// checkSettings says what settings of Lwan's are not there.
func (b *binder) checkSettings(root *node) {
	for _, n := range root.body {
		if n.kind != setting {
			continue
		}
		switch s := &b.config.settings; {
		case n.name == "proxy_protocol" && s.ProxyProtocol:
			b.report.add(n.at, "write proxy_protocol = NETWORKS into a listener",
				"the PROXY protocol of everybody would be believed")
		case n.name == "request_buffer_size", n.name == "allow_temp_files":
			b.report.warn(n.at, "", "%s has no effect here", n.name)
		}
	}
}

func (b *binder) topSection(n *node, outer *block, tree []*node) {
	switch n.name {
	case "constants":
		b.constants(n)
	case "listener", "tls_listener":
		b.listener(n)
	case "straitjacket", "straightjacket":
		b.straitjacket(n)
	case "headers":
		b.headers(n)
	case "log":
		b.config.log = &logConfig{}
		(&decoder{report: b.report}).decode(n, b.config.log)
	case "site":
		b.site(n, &b.config.sites)
	case "group":
		b.group(n)
	case "include":
		// one that could was read by the parser
		b.report.add(n.at, "", "an include cannot stand here")
	default:
		outer.statement(n, upTo(tree, n))
	}
}

// constants looks at what the parser has used already.
func (b *binder) constants(n *node) {
	for _, c := range n.body {
		switch {
		case c.kind != setting:
			b.report.add(c.at, "", "constants has settings alone: name = value")
		case !isVariableName(c.name):
			b.report.add(c.at, "a name has letters, digits and _", "%q is no name of a constant",
				c.name)
		}
	}
}

func (b *binder) headers(n *node) {
	if b.config.header == nil {
		b.config.header = map[string]string{}
	}
	for _, c := range n.body {
		switch {
		case c.kind != setting:
			b.report.add(c.at, "", "headers has settings alone: Name = value")
		case !isToken(c.name):
			b.report.add(c.at, "", "%q is no name of a field", c.name)
		default:
			b.config.header[c.name] = c.value
		}
	}
}

// isToken reports whether a name can be a field's (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// checkAskedEarly: content is chosen by the address of a connection, and not by what real_ip finds
// out behind proxies: then all clients have the address of the proxy.
func (b *binder) checkAskedEarly() {
	for _, f := range b.config.allFilters() {
		if f.n.name != "real_ip" {
			continue
		}
		for _, n := range b.config.askedEarly {
			b.report.add(n.at, "put the condition around filters: access { all = deny }",
				"content is chosen before real_ip, in line %d, finds the client's address",
				f.n.at.pos().Line)
		}
		return
	}
}

func (b *binder) listener(n *node) {
	l := &listener{n: n}
	known := len(b.report.list)
	(&decoder{report: b.report, other: func(c *node) bool {
		if c.isSection("site") && c.arg == "" && len(l.sites) == 0 {
			b.site(c, &l.sites)
		} else if c.isSection("site") {
			b.report.add(c.at, "", "a listener has one site, which is for all hosts")
		}
		return c.isSection("site")
	}}).decode(n, l)
	if len(b.report.list) == known {
		b.lwanTLS(l)
	}
	if len(l.ProxyProtocol) > 0 && l.TrustPeers {
		b.report.add(n.at, "the peer is whoever the header announces",
			"proxy_protocol and trust_peers exclude each other")
	}
	if n.arg != "" && !isAddress(l.Addr) {
		b.report.add(n.argAt,
			"write *:8080, 127.0.0.1:8080, \"[::1]:8080\", unix:/run/x or systemd:name",
			"%q is no address to listen on", l.Addr)
	}
	l.Addr = strings.TrimPrefix(l.Addr, "*")
	for _, other := range b.config.listeners {
		if other.Addr == l.Addr && len(b.report.list) == known {
			b.report.add(n.argAt, "", "there is a listener for %q already, in line %d",
				n.arg, other.n.at.pos().Line)
		}
	}
	l.bad = len(b.report.list) > known
	b.config.listeners = append(b.config.listeners, l)
}

// isAddress reports whether a listener can have the address.
func isAddress(s string) bool {
	for _, kind := range []string{"unix:", "systemd:"} {
		if rest, ok := strings.CutPrefix(s, kind); ok {
			return rest != ""
		}
	}
	host, port, err := net.SplitHostPort(strings.TrimPrefix(s, "*"))
	if err != nil || strings.ContainsAny(host, " *") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n <= 65535
}

// site binds a site into list.
func (b *binder) site(n *node, list *[]*site) {
	s := &site{n: n, hosts: n.words()}
	for _, other := range *list {
		for _, h := range s.hosts {
			if slices.ContainsFunc(other.hosts,
				func(o string) bool { return strings.EqualFold(o, h) }) {
				b.report.add(n.argAt, "", "there is a site for %q already, in line %d", h,
					other.n.at.pos().Line)
			}
		}
		if len(s.hosts) == 0 && len(other.hosts) == 0 {
			b.report.add(n.at, "", "there is a site for all other hosts already, in line %d",
				other.n.at.pos().Line)
		}
	}
	for _, h := range s.hosts {
		if !isHost(h) {
			b.report.add(n.argAt,
				"write example.com, *.example.com, or nothing for all other hosts",
				"%q is no name of a host", h)
		}
	}
	*list = append(*list, s)
	(&block{
		binder: b, n: n, filters: &s.filters, site: s, contents: &s.content, rewrites: &s.rewrites,
	}).body(n.body, nil)
}

func isHost(h string) bool {
	h = strings.TrimPrefix(h, "*.")
	if rest, ok := strings.CutPrefix(h, "["); ok { // an IPv6 address
		return strings.HasSuffix(rest, "]") && net.ParseIP(strings.TrimSuffix(rest, "]")) != nil
	}
	return h != "" && !strings.ContainsAny(h, "/*:?#@[] \t\"")
}

// handlerNames are the names of the program's handlers, with their sign.
func (b *binder) handlerNames() []string {
	names := slices.Sorted(maps.Keys(b.reg.Handlers))
	for i := range names {
		names[i] = "&" + names[i]
	}
	return names
}

// bound decodes a module's configuration.
func (b *binder) bound(m lwan.AnyModule, d *decoder, n *node) lwan.Mountable {
	// Problems are in the report: the module is not mounted then.
	mountable, err := m.Bind(func(into any) error {
		d.decode(n, into)
		if heir, ok := into.(inheritor); ok {
			heir.inherit(&b.config.settings)
		}
		if own, ok := into.(belonger); ok {
			own.belong(b.config)
		}
		if o, ok := into.(orderer); ok {
			o.order(n)
		}
		if u, ok := into.(groupUser); ok {
			b.useGroup(n, u)
		}
		return nil
	})
	if err != nil {
		d.report.add(n.at, "", "%s: %v", n.name, err)
	}
	return mountable
}
