package files

import (
	"strings"
	"unsafe"
)

// A key is what an entry is found by: the path of a request below the mount, decoded, with a slash
// at its end if the request had one. "" is the root. Whether a path may be served at all is found
// out once, when its entry is made; what was refused is remembered as an error.

// maxKey is the longest path that is looked for. No system takes a longer one.
const maxKey = 4096

// view makes a key of a request's bytes without a copy. It is sound for Peek and Failure of a
// cache, and for nothing else: they hash the key, compare it with the stored keys, and keep nothing
// of it; b does not change while they run, because the request is its handler's alone.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// names decides which paths of a tree are there for clients.
type names struct {
	hidden  bool
	exclude []pattern
}

// split checks a key and makes a name for the tree of it: "." is the root.
func (n *names) split(key string) (name string, dir, ok bool) {
	name, dir = strings.CutSuffix(key, "/")
	if key == "" {
		return ".", true, true
	}
	// A NUL is a slash that was sent encoded: it would have to be part of a name. A backslash is
	// one on some systems and a separator on others.
	if !clean(name) || strings.ContainsAny(name, "\x00\\") {
		return "", false, false
	}
	return name, dir, n.allows(name)
}

// clean is fs.ValidPath for names that need not be UTF-8: no segment is empty, a dot or two. The
// path of a request has no such segments, and os.Root lets none lead out of the tree; this is the
// third check, where a reader can see it.
func clean(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// allows reports whether a file or directory is there for clients.
func (n *names) allows(name string) bool {
	return name == "." || ((n.hidden || !hidden(name)) && !anyMatches(n.exclude, name))
}

// hidden reports whether a segment of the path begins with a dot. .well-known, in which clients
// look for things, is not hidden (RFC 8615).
func hidden(name string) bool {
	if rest, ok := strings.CutPrefix(name, ".well-known"); ok && (rest == "" || rest[0] == '/') {
		name = rest
	}
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}
