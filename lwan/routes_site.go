package lwan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// sites are the tables of a root's hosts, compiled.
type sites struct {
	exact map[string]*table // by name; "*.example.com" and "" as they are
	wild  bool              // there is a name with a star
	other *table            // of all other hosts; nil: the root's own
}

// Site is the table of the requests for these hosts, which are names without a port: that of
// Request.HostBytes, or "*.example.com" for all that end with .example.com. An exact name counts
// before one with a star, of these the longest. Without hosts it is the table of all other hosts,
// in place of the one that it is called on.
//
// A host's requests are answered by its table alone: what is not there is a 404, and nothing of
// other sites is looked at. Middleware of the table that Site is called on is outside of the
// site's. That table must be a server's, or an Endpoint's, and no group of it.
func (r *Routes) Site(hosts ...string) *Routes {
	sub := &Routes{outer: r, hosts: slices.Clone(hosts), source: caller(2)}
	root := r.root()
	if r != root || r.outer != nil || root.sealed {
		err := fmt.Errorf("%s: Site: this is a group or a site, or the server has started",
			sub.source)
		root.errs = append(root.errs, err)
		return sub
	}
	if len(hosts) == 0 {
		sub.hosts = []string{""}
	}
	r.sites = append(r.sites, sub)
	return sub
}

// compileSites makes tables of r's sites.
func (c *core) compileSites(r *Routes) (*sites, error) {
	if len(r.sites) == 0 {
		return nil, nil
	}
	all := &sites{exact: map[string]*table{}}
	var errs []error
	for _, sub := range r.sites {
		t, err := c.compile(sub)
		errs = append(errs, append(sub.errs, err)...)
		for _, h := range sub.hosts {
			errs = append(errs, all.add(h, t, sub.source))
		}
	}
	return all, errors.Join(errs...)
}

func (s *sites) add(host string, t *table, source string) error {
	name := string(hostName([]byte(host)))
	_, twice := s.exact[name]
	star := strings.HasPrefix(name, "*.")
	switch {
	case twice:
		return fmt.Errorf("%s: there are two sites for %q", source, host)
	case strings.ContainsAny(name, "/ \t") || strings.Contains(strings.TrimPrefix(name, "*."), "*"):
		return fmt.Errorf("%s: %q is no host, and not \"*.\" before one", source, host)
	case name == "":
		s.other = t
	}
	s.exact[name] = t
	s.wild = s.wild || star
	return nil
}

// of finds the table of an authority; t is that of hosts without one.
func (s *sites) of(authority []byte, t *table) *table {
	host := hostName(authority)
	if found, ok := s.exact[string(host)]; ok && len(host) > 0 && host[0] != '*' {
		return found
	}
	if s.wild {
		if found := s.wildcard(host); found != nil {
			return found
		}
	}
	if s.other != nil {
		return s.other
	}
	return t
}

// maxHost is how long the name of a host can be (RFC 1035 section 3.1), and one byte for the star.
const maxHost = 254

// wildcard finds the longest "*.name" that a host ends with; nil if there is none.
func (s *sites) wildcard(host []byte) *table {
	var name [maxHost]byte
	if len(host) > len(name) {
		return nil
	}
	n := copy(name[:], host)
	for i := 1; i < n; i++ {
		if name[i] != '.' {
			continue
		}
		name[i-1] = '*'
		if found, ok := s.exact[string(name[i-1:n])]; ok {
			return found
		}
	}
	return nil
}
