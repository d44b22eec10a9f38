package handlers

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/golwan/golwan/lwan"
)

// AccessConfig says who may ask for what. The zero value lets everybody in.
type AccessConfig struct {
	// Allow and Deny are networks. Of those that hold an address the longest counts; of two of the
	// same length Deny does.
	Allow, Deny []netip.Prefix

	// DenyOthers keeps out who is in no network, and who has no address, as on a unix socket.
	DenyOthers bool

	// DenySuffixes are ends of paths, as ".bak" and "~", that nobody gets. They are compared with
	// the decoded path, case-sensitively.
	DenySuffixes []string

	Status lwan.Status // of those that are kept out; 0: 403

	// Else, as BasicAuth, asks those who are kept out by their address who they are, and lets them
	// in or not; the others are not asked, so that UserKey has nobody. nil: they get Status. What
	// DenySuffixes says holds for everybody.
	Else lwan.Middleware

	// ElseSets are the fields that Else puts into requests in place of a client's
	// (JWTAuthConfig.Pass, ForwardAuthConfig.Copy). They are taken out of the requests of those who
	// come in by their address, who could write into them whatever they like.
	ElseSets []string
}

// Access keeps clients out by their address (Request.RemoteAddr, so X-Forwarded-For counts only
// where it is trusted), and everybody from some paths.
func Access(c AccessConfig) lwan.Middleware {
	table := newNetworks(c)
	suffixes := make([][]byte, len(c.DenySuffixes))
	for i, s := range c.DenySuffixes {
		suffixes[i] = []byte(s)
	}
	if c.Status == 0 {
		c.Status = lwan.StatusForbidden
	}
	return func(next lwan.Handler) lwan.Handler {
		var asks lwan.Handler
		if c.Else != nil {
			asks = c.Else(next)
		}
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			allowed := table.allows(req.RemoteAddr().Addr())
			switch {
			case endsWith(req, suffixes), !allowed && asks == nil:
				return c.Status
			case !allowed:
				return asks(req, resp)
			}
			for _, name := range c.ElseSets {
				if err := req.DelHeader(name); err != nil {
					return resp.Fail(err)
				}
			}
			return next(req, resp)
		}
	}
}

func endsWith(req *lwan.Request, suffixes [][]byte) (ends bool) {
	req.Borrow(func() {
		path := req.PathBytes()
		for _, s := range suffixes {
			ends = ends || bytes.HasSuffix(path, s)
		}
	})
	return ends
}

// networks finds the longest network that holds an address: one look-up for each length that there
// is.
type networks struct {
	allowed map[netip.Prefix]bool
	v4, v6  []int // lengths, the longest first
	others  bool
}

func newNetworks(c AccessConfig) *networks {
	n := &networks{allowed: map[netip.Prefix]bool{}, others: !c.DenyOthers}
	for _, p := range c.Allow {
		n.add(p, true)
	}
	for _, p := range c.Deny {
		n.add(p, false)
	}
	for _, lengths := range []*[]int{&n.v4, &n.v6} {
		slices.Sort(*lengths)
		slices.Reverse(*lengths)
		*lengths = slices.Compact(*lengths)
	}
	return n
}

// mappedBits are those before an IPv4 address in the form of IPv6 (RFC 4291 section 2.5.5.2).
const mappedBits = 96

func (n *networks) add(p netip.Prefix, allowed bool) {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= mappedBits {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-mappedBits)
	}
	n.allowed[p.Masked()] = allowed
	if p.Addr().Is4() {
		n.v4 = append(n.v4, p.Bits())
	} else {
		n.v6 = append(n.v6, p.Bits())
	}
}

func (n *networks) allows(a netip.Addr) bool {
	a = a.Unmap()
	lengths := n.v6
	if a.Is4() {
		lengths = n.v4
	}
	for _, bits := range lengths {
		p, err := a.Prefix(bits)
		if err != nil { // there is no address
			break
		}
		if allowed, ok := n.allowed[p]; ok {
			return allowed
		}
	}
	return n.others
}
