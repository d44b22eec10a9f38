package conf

import (
	"github.com/golwan/golwan/lwan"
)

// either is access with satisfy = any, and the filter of its block that asks who somebody is: it
// asks those alone whom access would keep out.
type either struct {
	n       *node
	in      *node      // the block that it stands in
	filters *[]*filter // of the site or content around
	access  *access
}

// either notes an access that is satisfied by any.
func (b *block) either(n *node, c *access) {
	if c.Satisfy == "any" {
		b.eithers = append(b.eithers, &either{n, b.n, b.filters, c})
	}
}

// fieldSetter is a configuration of a filter that puts fields into requests in place of a client's.
type fieldSetter interface{ setsFields() []string }

func (c *authJWT) setsFields() (names []string) {
	for _, name := range c.Pass {
		names = append(names, name)
	}
	return names
}

func (c *authRequest) setsFields() []string { return c.Copy }

// joinEithers gives each access that is satisfied by any the filter beside it. Without one
// everybody would come in whom it keeps out; with several it would not be known which of them asks.
func (b *binder) joinEithers() {
	for _, e := range b.eithers {
		var beside *filter
		found := 0
		for _, f := range *e.filters {
			if f.in == e.in && f.phase == PhaseAuth {
				beside, found = f, found+1
			}
		}
		switch {
		case found != 1:
			b.report.add(e.n.at, "any is: by the address, or by auth_basic or another of its kind",
				"satisfy = any needs one filter that asks who somebody is in its block: "+
					"there are %d", found)
		case beside.within:
			b.report.add(e.n.at, "", "there are two access with satisfy = any in one block")
		default:
			beside.within = true
			e.access.beside = beside
		}
	}
}

// orAsk is the access of a block together with the filter beside it, which is opened with it.
func (e *edition) orAsk(
	scope *lwan.Scope, where string, f *filter,
) (lwan.Middleware, error) {
	ask, err := e.middleware(scope, where, f.access.beside)
	if err != nil {
		return nil, err
	}
	f.access.elseAsk = ask
	return f.open(scope)
}
