package files

import (
	"errors"
	"log/slog"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/golwan/golwan/lwan"
)

func TestUserOf(t *testing.T) {
	for path, want := range map[string]string{
		"~joe": "joe", "~joe/": "joe/", "~joe/x/y": "joe/", "~": "", "~/": "", "joe/": "", "": "",
		"~../x": "", "~.joe": "", "~-x": "", "~joe\x00x": "", "~a.b-c_9": "a.b-c_9", "~jö": "",
		"~~joe": "", `~a\b`: "",
	} {
		name, whole := userOf(nil, []byte(path))
		got := string(name)
		if whole && got != "" {
			got += "/"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
	long := make([]byte, 2*maxUserName)
	for i := range long {
		long[i] = 'a'
	}
	if name, _ := userOf(nil, append([]byte("~"), long...)); len(name) != 0 {
		t.Errorf("a name of %d bytes", len(name))
	}
}

// TestUserDirs: users have their trees, and nothing else of their homes is there.
func TestUserDirs(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"joe/public_html/index.html": "joe's", "joe/public_html/d/x.txt": "x", "joe/.ssh/id": "key",
		"eve/public_html/index.html": "eve's", "root/public_html/index.html": "root's",
		"mallory/public_html": "a file", "none/": "", "public_html/index.html": "nobody's",
	})
	for _, prefix := range []string{"", "/home"} {
		srv := &lwan.Server{Loops: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
		srv.Mount(prefix+"/", UserDirs.With(UserDirsConfig{Base: dir, Max: 2}))
		s := started(t, srv)
		for range 2 {
			s.want(prefix+"/~joe/", 200, "joe's")
			s.want(prefix+"/%7ejoe/d/x.txt", 200, "x")
			s.want(prefix+"/~eve/", 200, "eve's")
			for _, path := range []string{
				"/~root/", "/~ROOT/", "/~mallory/", "/~none/", "/~nobody/",
				"/~joe/..%2f.ssh/id", "/~joe%2f.ssh/id", "/joe/", "/", "/~", "/~/",
				"/~public_html/",
			} {
				s.want(prefix+path, 404, "")
			}
			if r := s.get(prefix + "/~joe?a=b"); r.status != 301 ||
				r.header.Get("Location") != "~joe/?a=b" {
				t.Error(r)
			}
			if r := s.get(prefix + "/~joe/d"); r.status != 301 || r.header.Get("Location") != "d/" {
				t.Error(r)
			}
			s.want(prefix+"/~nobody", 404, "")
		}
	}
}

// TestUserDirsOfTheSystem: whose home is looked up, and whose is not.
func TestUserDirsOfTheSystem(t *testing.T) {
	dir := writeTree(t, map[string]string{"public_html/index.html": "x"})
	people := &people{
		UserDirsConfig: UserDirsConfig{Dir: "public_html", Exclude: []string{"bad"}},
		lookup: func(name string) (*user.User, error) {
			switch name {
			case "joe", "bad":
				return &user.User{Uid: "1000", HomeDir: dir}, nil
			case "daemon":
				return &user.User{Uid: "2", HomeDir: dir}, nil
			case "lost":
				return &user.User{Uid: "1001", HomeDir: filepath.Join(dir, "lost")}, nil
			case "broken":
				return nil, errors.New("the directory does not answer")
			}
			return nil, user.UnknownUserError(name)
		},
	}
	for name, want := range map[string]error{
		"joe": nil, "bad": errNotFound, "daemon": errNotFound, "lost": errNotFound,
		"nobody": errNotFound,
	} {
		s, err := people.open(name)
		if want == nil && err != nil || want != nil && err != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if err := s.close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := people.open("broken"); err == nil || err == error(errNotFound) {
		t.Errorf("a broken directory of users: %v", err)
	}
	people.Include = []string{"daemon"}
	if s, err := people.open("daemon"); err != nil {
		t.Error(err)
	} else if err := s.close(); err != nil {
		t.Error(err)
	}
	if _, err := people.open("joe"); err != error(errNotFound) {
		t.Errorf("who is not included: %v", err)
	}
}

func TestUserDirsErrors(t *testing.T) {
	for _, c := range []UserDirsConfig{
		{Dir: "../x"}, {Dir: "a//b"}, {Dir: "/x"}, {Max: -1}, {Base: "/not/there"},
		{Files: Config{Dir: "."}}, {Dir: "."}, {Dir: "a/.."},
	} {
		srv := &lwan.Server{}
		srv.Mount("/", UserDirs.With(c))
		if _, err := srv.Build(); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
