package files

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/golwan/golwan/lwan"
)

// VHostsConfig says where the trees of hosts are.
type VHostsConfig struct {
	// Dir is the directory of a host, with the parts of its name in place of
	//
	//	%0      the host, in lower case, without port
	//	%1      its last label, %2 the one before, up to %9: of www.example.com com, example, www
	//	%{2.1}  the first letter of %2, for trees with many hosts
	//	%%      a percent sign
	//
	// as "/srv/www/%0" or "/srv/blogs/%{3.1}/%3/public". What stands before the first of them, up
	// to a slash, must be there: nothing out of it is served, whatever host is asked for. A host's
	// own directory, up to the last of them, may be a link to another one's; no link in it leads
	// out of it. Must be set.
	Dir string

	// Default is the directory of hosts that have none: those whose directory is not there, which
	// have no such label, or have other characters than letters, digits, "-" and "_" in one. "":
	// 404.
	Default string

	// Max is how many directories are open at a time: 1000. One that is needed beyond that takes
	// the place of another.
	Max int

	// TTL is how long an open directory is believed to be that of its host: 1 min. Then it is
	// opened anew, with nothing remembered of its files.
	TTL time.Duration

	// Files is how each tree is served; Dir and FS must not be set. Entries and MemoryBytes are for
	// all trees together: each has an equal share, 16 entries and 256 KiB at least.
	Files Config
}

const (
	defaultTrees   = 1000
	defaultTreeTTL = time.Minute
)

// VHosts serves a tree for each host: a directory that appears is a site that is there, without a
// restart.
//
//	srv.Mount("/", files.VHosts.With(files.VHostsConfig{Dir: "/srv/www/%0"}))
var VHosts = lwan.Module[VHostsConfig]{Name: "vhosts", Open: openVHosts}

// Check says what is wrong with the configuration, without looking at directories.
func (c VHostsConfig) Check() error {
	_, err := parseHostPattern(c.Dir)
	switch {
	case err != nil:
		return fmt.Errorf("files: VHostsConfig.Dir: %q: %w", c.Dir, err)
	case c.Max < 0, c.TTL < 0:
		return errors.New("files: VHostsConfig.Max or TTL is negative")
	}
	return checkEach(c.Files)
}

// checkEach checks what is for each tree.
func checkEach(c Config) error {
	if c.Dir != "" || c.FS != nil {
		return errors.New("files: Files.Dir or Files.FS is set, and the directory is another one")
	}
	c.Dir = "."
	return c.check()
}

func openVHosts(scope *lwan.Scope, c VHostsConfig) error {
	if err := c.Check(); err != nil {
		return err
	}
	pattern, _ := parseHostPattern(c.Dir) // Check has found it good
	if c.Max == 0 {
		c.Max = defaultTrees
	}
	if c.TTL == 0 {
		c.TTL = defaultTreeTTL
	}
	prefix := pathOfPrefix(scope.Prefix())
	other, err := c.other(scope, prefix)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(pattern.base)
	if err != nil {
		return fmt.Errorf("files: VHostsConfig.Dir: %w", err)
	}
	scope.OnClose(root.Close)
	each := c.Files.shared(c.Max)
	t := newTrees(treeLimits{c.Max, c.TTL}, func(dir string) (*site, error) {
		return pattern.open(root, dir, each, prefix)
	})
	scope.OnClose(t.close)
	scope.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		var space [256]byte
		key, ok := space[:0], false
		req.Borrow(func() { key, ok = pattern.append(key, req.HostBytes()) })
		if !ok {
			return other(req, resp)
		}
		return t.serve(req, resp, key, other)
	})
	return t.sites.Err()
}

// open opens the tree of a host. What is in the host's own directory may be its owner's, whose
// links do not lead to other hosts.
func (p *hostPattern) open(root *os.Root, dir string, c Config, prefix string) (*site, error) {
	if p.inside == "" {
		return openBelow(root, dir, c, prefix)
	}
	own, err := openDirectory(root, dir)
	if err != nil {
		return nil, err
	}
	defer own.Close() // the tree has a descriptor of its own
	return openBelow(own, p.inside, c, prefix)
}

// other answers for hosts that have no directory.
func (c VHostsConfig) other(scope *lwan.Scope, prefix string) (lwan.Handler, error) {
	if c.Default == "" {
		return noTree, nil
	}
	c.Files.Dir = c.Default
	s, err := newSite(c.Files, prefix)
	if err != nil {
		return nil, err
	}
	scope.OnClose(s.close)
	return s.serve, nil
}
