package files

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// os.Root follows no absolute link, since it does not know where in the system its directory is;
// but links that tools make are often absolute. So where a name has led out, its links are read one
// by one, and absolute ones that lie below a name of the directory go on from the root. What comes
// out is a name without links, and nothing else: it is given to os.Root again, which is what keeps
// everything inside, whatever has become of the links in the meantime.

// maxLinks is how many links there may be on the way to a file, as Linux has it.
const maxLinks = 40

// namesOf are the absolute names of a directory that links are compared with: the one that was
// configured and the one without links.
func namesOf(dir string) (names []string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, err
	}
	return []string{filepath.ToSlash(abs), filepath.ToSlash(real)}, nil
}

// follow runs op for a name, and if that has led out of the tree for the name without its links.
func follow[T any](s *rootSource, name string, op func(name string) (T, error)) (T, error) {
	v, err := op(name)
	if !leadsOut(err) {
		return v, err
	}
	name, err = s.withoutLinks(name)
	if err == nil {
		v, err = op(name)
	}
	if leadsOut(err) {
		err = errOutside
	}
	return v, err
}

// withoutLinks resolves the links of a name.
func (s *rootSource) withoutLinks(name string) (string, error) {
	var done []string // has no links
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		segment := todo[0]
		todo = todo[1:]
		switch segment {
		case "", ".":
			continue
		case "..":
			if len(done) == 0 {
				return "", errOutside
			}
			done = done[:len(done)-1]
			continue
		}
		target, err := linkAt(s.root, path.Join(path.Join(done...), segment))
		if err != nil {
			return "", err
		}
		if target == "" {
			done = append(done, segment)
			continue
		}
		if links++; links > maxLinks {
			return "", errLink
		}
		// Windows has paths that begin at no drive
		if filepath.IsAbs(target) || os.IsPathSeparator(target[0]) {
			if target, done = s.belowRoot(target), nil; target == "" {
				return "", errOutside
			}
		}
		todo = append(strings.Split(filepath.ToSlash(target), "/"), todo...)
	}
	return path.Join(".", path.Join(done...)), nil
}

// linkAt is what a link says; "" if there is something else, which has to be there.
func linkAt(root *os.Root, name string) (string, error) {
	fi, err := root.Lstat(name)
	if err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		return "", err
	}
	return root.Readlink(name)
}

// belowRoot is an absolute path as a name in the tree; "" if it is not below the root.
func (s *rootSource) belowRoot(target string) string {
	target = filepath.ToSlash(target)
	for _, dir := range s.names {
		dir = strings.TrimSuffix(dir, "/")
		if len(target) < len(dir) || !sameName(target[:len(dir)], dir) {
			continue
		}
		if rest := target[len(dir):]; rest == "" || rest[0] == '/' {
			return "." + rest
		}
	}
	return ""
}

// sameName compares as the system does.
func sameName(a, b string) bool {
	return a == b || runtime.GOOS == "windows" && strings.EqualFold(a, b)
}
