package files

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// UserDirsConfig says which trees of users are served.
type UserDirsConfig struct {
	// Dir is the directory below a user's home: "public_html".
	Dir string

	// Base is where homes are, as "/srv/people": then the tree of ~joe is Base/joe/Dir, and who is
	// a user is not looked up: Base says it. "": homes are those of the system's users.
	Base string

	// Include are the users that have a tree; none: all whose ID is 1000 or more, or all of Base.
	// Exclude are some that have none, whatever Include says: nil is root.
	Include, Exclude []string

	Max   int           // trees that are open at a time: 1000
	TTL   time.Duration // how long one is believed to be its user's: 1 min
	Files Config        // as VHostsConfig has it
}

// UserDirs serves a tree for each user: /~joe/index.html is public_html/index.html of joe's home,
// if the server may read that. No link leads out of a user's tree, and none out of his home to it.
// What does not begin with "~" and the name of a user who has a tree is a 404.
//
//	srv.Mount("/", files.UserDirs.With(files.UserDirsConfig{}))
var UserDirs = lwan.Module[UserDirsConfig]{Name: "userdir", Open: openUserDirs}

// leastUser is the ID from which on users are people (login.defs(5)).
const leastUser = 1000

// Check says what is wrong with the configuration, without looking at directories.
func (c UserDirsConfig) Check() error {
	for segment := range strings.SplitSeq(c.Dir, "/") {
		if c.Dir != "" && (!plainName(segment) || segment == "..") {
			return fmt.Errorf("files: UserDirsConfig.Dir: %q is no path below a home", c.Dir)
		}
	}
	if c.Max < 0 || c.TTL < 0 {
		return errors.New("files: UserDirsConfig.Max or TTL is negative")
	}
	return checkEach(c.Files)
}

func openUserDirs(scope *lwan.Scope, c UserDirsConfig) error {
	if err := c.Check(); err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = "public_html"
	}
	if c.Max == 0 {
		c.Max = defaultTrees
	}
	if c.TTL == 0 {
		c.TTL = defaultTreeTTL
	}
	if c.Exclude == nil {
		c.Exclude = []string{"root"}
	}
	c.Files = c.Files.shared(c.Max)
	people := &people{
		UserDirsConfig: c, lookup: user.Lookup,
		prefix: strings.TrimSuffix(pathOfPrefix(scope.Prefix()), "/"),
	}
	if c.Base != "" {
		root, err := os.OpenRoot(c.Base)
		if err != nil {
			return fmt.Errorf("files: UserDirsConfig.Base: %w", err)
		}
		scope.OnClose(root.Close)
		people.base = root
	}
	return people.serve(scope)
}

// serve registers the handler.
func (p *people) serve(scope *lwan.Scope) error {
	t := newTrees(treeLimits{p.Max, p.TTL}, p.open)
	scope.OnClose(t.close)
	if err := t.sites.Err(); err != nil {
		return err
	}
	scope.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		var space [maxUserName]byte
		var name []byte
		whole := false // there is a slash behind the name
		req.Borrow(func() { name, whole = userOf(space[:0], req.RestBytes()) })
		switch {
		case len(name) == 0:
			return lwan.StatusNotFound
		case !whole:
			return t.toSlash(req, resp, name)
		}
		return t.serve(req, resp, name, noTree)
	})
	return nil
}

// toSlash sends who has asked for a tree without its slash there.
func (t *trees) toSlash(req *lwan.Request, resp *lwan.Response, name []byte) lwan.Status {
	ref, err := t.get(req, name)
	if err != nil {
		return notThere(resp, err)
	}
	ref.Release()
	return redirect(req, resp, "~"+string(name)+"/")
}

// maxUserName is longer than any system's.
const maxUserName = 64

// userOf takes the name from a path, "~joe/index.html"; empty: there is none that could be a
// user's. whole: there is a slash behind it.
func userOf(dst, rest []byte) (name []byte, whole bool) {
	if len(rest) == 0 || rest[0] != '~' {
		return nil, false
	}
	for i, c := range rest[1:] {
		switch {
		case c == '/':
			return dst, i > 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_',
			i > 0 && (c == '-' || c == '.'):
			if dst = append(dst, c); len(dst) == maxUserName {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return dst, false
}

// people finds the trees of users.
type people struct {
	UserDirsConfig
	prefix string
	base   *os.Root // nil: homes are looked up
	lookup func(name string) (*user.User, error)
}

// open opens the tree of a user.
func (p *people) open(name string) (*site, error) {
	isName := func(other string) bool { return strings.EqualFold(other, name) } // some systems fold
	if slices.ContainsFunc(p.Exclude, isName) ||
		len(p.Include) > 0 && !slices.Contains(p.Include, name) {
		return nil, errNotFound
	}
	home, err := p.home(name)
	if err != nil {
		return nil, err
	}
	defer home.Close() // the tree has a descriptor of its own
	s, err := openBelow(home, p.Dir, p.Files, p.prefix+"/~"+name)
	if err == nil {
		s.skip = len("~" + name + "/")
	}
	return s, err
}

// home opens the home of a user.
func (p *people) home(name string) (*os.Root, error) {
	if p.base != nil {
		fi, err := p.base.Lstat(name)
		if err == nil && !fi.IsDir() {
			err = os.ErrNotExist
		}
		if err != nil {
			return nil, treeFailure(name, err)
		}
		root, err := p.base.OpenRoot(name)
		if err != nil {
			return nil, treeFailure(name, err)
		}
		return root, nil
	}
	u, err := p.lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return nil, errNotFound
	} else if err != nil {
		return nil, failureOf(name, err)
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil || id < leastUser && len(p.Include) == 0 || u.HomeDir == "" {
		return nil, errNotFound
	}
	root, err := os.OpenRoot(u.HomeDir)
	if err != nil {
		return nil, failureOf(name, err)
	}
	return root, nil
}
