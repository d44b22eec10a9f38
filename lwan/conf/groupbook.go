package conf

import (
	"reflect"
	"slices"
	"strconv"
	"sync"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// groupBook has the groups of backends that modules of a server use, in all of its editions. A
// group is made for the first module that asks for it, and is shared by all that ask for an equal
// one; it is taken out of the book when the last of them is closed. So one that nothing has changed
// about goes on when the configuration is read again: with its connections, processes, counts and
// what it knows of its backends, whatever has changed around it.
type groupBook struct {
	mu   sync.Mutex
	list []*bookedGroup // guarded by mu
}

type bookedGroup struct {
	section string // the name in the file; "": it is of modules alone
	name    string // in logs and metrics
	config  *groupConfig
	group   *gateway.Group
	users   int // modules that have it
}

// take gives the module of s its group, until it is closed.
func (b *groupBook) take(s *lwan.Scope, section string, c *groupConfig) (*gateway.Group, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.find(section, c)
	if g == nil {
		g = &bookedGroup{section: section, config: c}
		g.name = b.free(g.wish())
		var err error
		if g.group, err = c.group(g.name); err != nil {
			return nil, err
		}
		b.list = append(b.list, g)
	}
	g.users++
	s.OnClose(func() error {
		b.giveBack(g)
		return nil
	})
	return g.group, nil
}

// find finds an equal group; mu is held.
func (b *groupBook) find(section string, c *groupConfig) *bookedGroup {
	for _, g := range b.list {
		if g.section == section && reflect.DeepEqual(g.config, c) {
			return g
		}
	}
	return nil
}

func (b *groupBook) giveBack(g *bookedGroup) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g.users--; g.users == 0 {
		b.list = slices.DeleteFunc(b.list, func(o *bookedGroup) bool { return o == g })
	}
}

// wish is what the group should be called.
func (g *bookedGroup) wish() string {
	c := g.config
	switch all := c.addresses(); {
	case g.section != "":
		return g.section
	case len(all) > 0:
		return all[0]
	}
	return c.Process[0].Command.words[0]
}

// free is a name that no other group has: figures of two would be mixed up. mu is held.
func (b *groupBook) free(name string) string {
	has := func(name string) bool {
		return slices.ContainsFunc(b.list, func(g *bookedGroup) bool { return g.name == name })
	}
	if !has(name) {
		return name
	}
	for i := 2; ; i++ {
		if other := name + " " + strconv.Itoa(i); !has(other) {
			return other
		}
	}
}

// groups are those in use, in the order of their names.
func (b *groupBook) groups() []*gateway.Group {
	b.mu.Lock()
	defer b.mu.Unlock()
	sorted := slices.Clone(b.list)
	slices.SortFunc(sorted, func(a, b *bookedGroup) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	all := make([]*gateway.Group, len(sorted))
	for i, g := range sorted {
		all[i] = g.group
	}
	return all
}

// namedGroup is a section group, or the place where one is to be.
type namedGroup struct {
	config groupConfig
	n      *node // nil: it was not there yet
	users  []use
}

// use is the name of a group in the settings of a module.
type use struct {
	n      *node
	module string
}

// groupNamed is the group of that name, whether or not it was defined yet.
func (c *Config) groupNamed(name string) *namedGroup {
	if c.groups == nil {
		c.groups = map[string]*namedGroup{}
	}
	g := c.groups[name]
	if g == nil {
		g = &namedGroup{}
		c.groups[name] = g
	}
	return g
}

// group takes a section group.
func (b *binder) group(n *node) {
	switch g := b.config.groupNamed(n.arg); {
	case n.arg == "" || len(n.words()) != 1:
		b.report.add(n.at, "group api { to = 10.0.0.1:8000 }", "a group needs a name of one word")
	case g.n != nil:
		b.report.add(n.argAt, "", "there is a group %q already, in line %d", n.arg,
			g.n.at.pos().Line)
	default:
		g.n = n
		(&decoder{report: b.report}).decode(n, &g.config)
	}
}

// checkGroups finds names of groups that are not there.
func (b *binder) checkGroups() {
	var known []string
	for name, g := range b.config.groups {
		if g.n != nil {
			known = append(known, name)
		}
	}
	for name, g := range b.config.groups {
		if g.n != nil && len(g.users) == 0 {
			b.report.warn(g.n.at, "", "nothing uses the group %q", name)
		}
		for _, u := range g.users {
			if g.n == nil {
				b.report.add(u.n.valAt, suggestOrList(name, known), "%s: there is no group %q",
					u.module, name)
			}
		}
	}
}

// groupUser is a configuration that may name a group.
type groupUser interface{ groupName() string }

// useGroup notes which group a module has asked for.
func (b *binder) useGroup(n *node, u groupUser) {
	name := u.groupName()
	if name == "" {
		return
	}
	for _, c := range n.body {
		if c.kind == setting && c.name == "group" {
			g := b.config.groupNamed(name)
			g.users = append(g.users, use{c, n.name})
		}
	}
}
