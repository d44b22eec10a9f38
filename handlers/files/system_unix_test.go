//go:build unix

package files

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func symlink(t *testing.T, target, at string) {
	t.Helper()
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

// linkedTree has links of all kinds below www.
func linkedTree(t *testing.T) string {
	dir := writeTree(t, map[string]string{
		"secret.txt": "secret", "out/x.txt": "secret", "www/a.txt": "inside",
		"www/d/b.txt": "inside",
	})
	www := filepath.Join(dir, "www")
	symlink(t, "a.txt", www+"/in.txt")
	symlink(t, "d", www+"/din")
	symlink(t, "../a.txt", www+"/d/up.txt")
	symlink(t, "../secret.txt", www+"/out.txt")
	symlink(t, dir+"/secret.txt", www+"/abs.txt")
	symlink(t, "../out", www+"/dout")
	symlink(t, "/proc/self/environ", www+"/env.txt")
	symlink(t, "loop.txt", www+"/loop.txt")
	symlink(t, "none.txt", www+"/broken.txt")
	return www
}

// absoluteLinks adds to linkedTree, below which www is also known as site, links that say where
// they lead from the root of the system on.
func absoluteLinks(t *testing.T, www string) (site string) {
	outer := filepath.Dir(www)
	site = outer + "/site"
	symlink(t, "www", site)
	for at, target := range map[string]string{
		"a-in.txt": www + "/a.txt", "a-d": www + "/d", "a-site.txt": site + "/a.txt",
		"a-slashes.txt": www + "//d/./b.txt",
		"a-up.txt":      www + "/d/../a.txt", "d/a-chain.txt": "../a-next",
		"a-next": site + "/a-d/b.txt", "a-root": www, "a-slash": www + "/",
		"a-through.txt": www + "/din/../a.txt", // din is d: its parent is www

		"a-out.txt": outer + "/secret.txt", "a-sibling.txt": www + "-secret/x.txt",
		"a-sibling": www + "-secret", "a-leaves.txt": www + "/../secret.txt",
		"a-back.txt": www + "/../www/a.txt", "a-passes.txt": www + "/a-out.txt",
		"a-none.txt": www + "/none.txt", "a-loop1": www + "/a-loop2", "a-loop2": www + "/a-loop1",
		"a-self": www + "/a-self/x", "a-file": www + "/a.txt/x", "a-system": "/", "a-outer": outer,
	} {
		symlink(t, target, www+"/"+at)
	}
	if err := os.Mkdir(www+"-secret", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, www+"-secret/x.txt", "secret")
	return site
}

// An absolute link is followed if it leads to a place below the directory, by either of its names.
func TestAbsoluteSymlinks(t *testing.T) {
	www := linkedTree(t)
	site := absoluteLinks(t, www)
	for _, dir := range []string{www, site} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			s := mounted(t, "/", Config{Dir: dir, List: true})
			never := mounted(t, "/", Config{Dir: dir, List: true, Symlinks: SymlinksNever})
			viaSite := 200
			if dir == www { // that site is another name for it is nobody's to know
				viaSite = 404
			}
			for path, status := range map[string]int{
				"/a-in.txt": 200, "/a-d/b.txt": 200, "/a-d/": 200, "/a-d": 301, "/a-d/up.txt": 200,
				"/a-site.txt": viaSite, "/a-slashes.txt": 200, "/a-up.txt": 200,
				"/d/a-chain.txt": viaSite, "/a-next": viaSite, "/a-root/a.txt": 200,
				"/a-slash/a-root/d/b.txt": 200, "/a-through.txt": 200,
				"/a-root/a-d/a-chain.txt": viaSite, "/a-root/": 200,

				"/a-out.txt": 404, "/a-sibling.txt": 404, "/a-sibling/x.txt": 404,
				"/a-sibling/": 404, "/a-leaves.txt": 404, "/a-back.txt": 404, "/a-passes.txt": 404,
				"/a-none.txt": 404, "/a-loop1": 404, "/a-self": 404, "/a-file": 404,
				"/a-system/etc/passwd": 404, "/a-system/": 404, "/a-outer/secret.txt": 404,
				"/a-outer/www/a.txt": 404,
			} {
				r := s.get(path)
				if r.status != status ||
					strings.Contains(r.body, "secret") && strings.HasSuffix(path, ".txt") {
					t.Errorf("%s: %d, want %d: %.60q", path, r.status, status, r.body)
				}
				if r := never.get(path); r.status != 404 {
					t.Errorf("%s, never: %d", path, r.status)
				}
			}
			want := []string{"a-d", "a-in.txt", "a-root", "a-slash", "a-slashes.txt",
				"a-through.txt", "a-up.txt", "a.txt", "d", "din", "in.txt"}
			if dir == site {
				want = append(want, "a-next", "a-site.txt")
			}
			slices.Sort(want)
			listed(t, s, "/", want...)
		})
	}
}

// Links that change while they are followed lead nowhere else: what is outside is never served.
func TestSymlinkRaces(t *testing.T) {
	t.Parallel()
	outer := writeTree(t, map[string]string{
		"www/in/x.txt": "inside", "www/a.txt": "inside", "out/x.txt": "secret",
	})
	www, done := outer+"/www", make(chan bool)
	targets := []string{www + "/in", outer + "/out", "in", "../out", www + "/link2", "/"}
	tmp := outer + "/tmp"
	go func() {
		defer close(done)
		for i := range 4000 {
			at := www + []string{"/link", "/link2", "/in/link3"}[i%3]
			if os.Symlink(targets[(i/3)%len(targets)], tmp) != nil || os.Rename(tmp, at) != nil {
				t.Error("the links do not change")
				return
			}
		}
	}()
	tree, err := openRoot(www, SymlinksInside)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	statuses := map[bool]int{}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		for _, name := range []string{
			"link/x.txt", "link2/x.txt", "link/link3/x.txt", "in/link3/x.txt",
		} {
			f, _, err := tree.open(name)
			statuses[err == nil]++
			if err != nil {
				continue
			}
			text, err := io.ReadAll(f)
			if f.Close(); err != nil || string(text) != "inside" {
				t.Fatalf("%s: %q, %v", name, text, err)
			}
		}
	}
	if statuses[true] == 0 || statuses[false] == 0 {
		t.Errorf("%v: nothing was raced", statuses)
	}
}

func TestSymlinks(t *testing.T) {
	www := linkedTree(t)
	inside := mounted(t, "/", Config{Dir: www, List: true})
	never := mounted(t, "/", Config{Dir: www, List: true, Symlinks: SymlinksNever})
	for _, tt := range []struct {
		path          string
		inside, never int
	}{
		{"/a.txt", 200, 200}, {"/d/b.txt", 200, 200}, {"/in.txt", 200, 404},
		{"/din/b.txt", 200, 404}, {"/din/", 200, 404}, {"/din", 301, 404}, {"/d/up.txt", 200, 404},
		{"/out.txt", 404, 404}, {"/abs.txt", 404, 404}, {"/dout/x.txt", 404, 404},
		{"/dout/", 404, 404}, {"/env.txt", 404, 404}, {"/loop.txt", 404, 404},
		{"/broken.txt", 404, 404}, {"/d/", 200, 200},
	} {
		for range 2 {
			r := inside.get(tt.path)
			if r.status != tt.inside || strings.Contains(r.body, "secret") {
				t.Errorf("%s, inside: %d %q", tt.path, r.status, r.body)
			}
			if r := never.get(tt.path); r.status != tt.never || strings.Contains(r.body, "secret") {
				t.Errorf("%s, never: %d %q", tt.path, r.status, r.body)
			}
		}
	}
	listed(t, inside, "/", "a.txt", "d", "din", "in.txt")
	listed(t, inside, "/d/", "b.txt", "up.txt")
	listed(t, never, "/", "a.txt", "d")
}

// A pipe has no other end, and opening a device may do things: neither is opened.
func TestIrregular(t *testing.T) {
	dir := writeTree(t, map[string]string{"a.txt": "x", "index/x": ""})
	for _, name := range []string{"pipe", "index/index.html"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	symlink(t, "pipe", dir+"/topipe")
	short, err := os.MkdirTemp("", "f") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	ln, err := net.Listen("unix", short+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := os.Rename(short+"/s", dir+"/sock"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{
		{Dir: dir, List: true}, {Dir: dir, List: true, Symlinks: SymlinksNever},
		{FS: os.DirFS(dir), List: true},
	} {
		s := mounted(t, "/", c)
		for _, path := range []string{
			"/pipe", "/topipe", "/sock", "/pipe/", "/pipe/x", "/index/index.html",
		} {
			s.want(path, 404, "")
		}
		listed(t, s, "/", "a.txt", "index")
		listed(t, s, "/index/", "x")
	}
}

// exhaustedSource has no descriptors for a while.
type exhaustedSource struct {
	source
	left atomic.Int32 // how many opens fail
}

func (s *exhaustedSource) open(name string) (fs.File, fs.FileInfo, error) {
	if s.left.Add(-1) >= 0 {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return s.source.open(name)
}

// When descriptors run out, unused ones are given back; a file that still cannot be opened is a
// 503, and is tried again.
func TestExhausted(t *testing.T) {
	dir := writeTree(t, map[string]string{"large.txt": largeText, "b.txt": "b", "c.txt": "c"})
	s, err := newSite(Config{Dir: dir, ErrorTTL: -1, TTL: -1}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.loader.young = 0
	src := &exhaustedSource{source: s.tree}
	s.tree = src
	get := func(key string) error {
		ref, err := s.entries.Get(t.Context(), key)
		if err == nil {
			ref.Release()
		}
		return err
	}
	if err := get("large.txt"); err != nil || len(openFiles(dir+"/large")) != 1 {
		t.Fatal(err, openFiles(dir))
	}
	src.left.Store(1)
	if err := get("b.txt"); err != nil {
		t.Errorf("one that failed once: %v", err)
	}
	if open := openFiles(dir + "/large"); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
	src.left.Store(2)
	if err := get("c.txt"); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("one that fails twice: %v", err)
	}
	src.left.Store(0)
	if err := get("c.txt"); err != nil {
		t.Errorf("one that fails no more: %v", err)
	}
}

// Unreadable files are a 403.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("skipped: root may read everything; TestFailures has the same answers")
	}
	dir := writeTree(t, map[string]string{"no.txt": "x", "shut/a.txt": "x"})
	for name, mode := range map[string]fs.FileMode{"no.txt": 0, "shut": 0o111} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	s := mounted(t, "/", Config{Dir: dir, List: true})
	s.want("/no.txt", 403, "")
	s.want("/shut/", 403, "")
	s.want("/shut/a.txt", 200, "x")
}
