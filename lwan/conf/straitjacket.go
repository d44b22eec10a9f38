package conf

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// jacket is what the process gives up, in this order: when the log is open and the certificates
// are read, it goes into its chroot; when modules are open and sockets bound, it becomes another
// user, who owns from then on the logs that root has made, so that they can be opened again; then
// no program that it starts gains privileges, its own capabilities go, and so does what it may not
// open. All threads give up the same, and those that start later have nothing more.
type jacket struct {
	User             string   `doc:"who the process becomes, by name or number; none: it stays who it is"`
	Group            string   `doc:"its group, by name or number; none: that of the user"`
	Groups           []string `doc:"further ones; none: those of the user"`
	Chroot           string   `doc:"a directory that becomes / before modules are opened: their paths, and those of access logs and unix sockets, are inside"`
	DropCapabilities bool     `default:"true" doc:"keep none of root's"`
	NoNewPrivileges  bool     `default:"true" doc:"no program that is started gains any"`
	Landlock         bool     `doc:"open nothing but what the configuration names, read and write, and what the system's resolver needs"`
	Read             []string `doc:"files and directories that may be read too, and programs in them started; with landlock"`
	Write            []string `doc:"files and directories that may be written too; with landlock"`

	n       *node
	bare    bool // nothing is asked for by name
	who     *identity
	opens   []openedPath // that are opened while the server serves
	logs    []string     // that are written, and opened again
	entered bool         // the process is in its chroot
}

// identity is who a process is.
type identity struct {
	uid, gid int
	groups   []int
}

// Check implements Checker.
func (c *jacket) Check() error {
	switch {
	case c.User == "" && (c.Group != "" || len(c.Groups) > 0):
		return errors.New("group and groups need a user")
	case !c.Landlock && len(c.Read)+len(c.Write) > 0:
		return errors.New("read and write are for landlock = yes")
	case c.Chroot != "" && !filepath.IsAbs(c.Chroot):
		return fmt.Errorf("chroot: %q does not begin with a slash", c.Chroot)
	}
	return nil
}

// straitjacket binds the section.
func (b *binder) straitjacket(n *node) {
	if b.config.jacket != nil {
		b.report.add(n.at, "", "there is a straitjacket already, in line %d",
			b.config.jacket.n.at.pos().Line)
		return
	}
	j := &jacket{n: n, bare: true}
	for _, c := range n.body {
		j.bare = j.bare && c.kind == comment
	}
	(&decoder{report: b.report}).decode(n, j)
	b.config.jacket = j
	if j.bare && !canConfine() {
		b.report.warn(n.at, howToConfine, "%s has no effect in this program", n.name)
	}
}

// checkJacket finds what would start before privileges are given up.
func (b *binder) checkJacket() {
	j := b.config.jacket
	if j == nil || j.bare {
		return
	}
	for _, at := range processesOf(b.config.tree) {
		b.report.add(at, "let the system start it, and name its socket",
			"a process that is started here would keep what straitjacket, in line %d, gives up",
			j.n.at.pos().Line)
	}
}

// settings are those that must not change while the process serves.
func (c *jacket) settings() []string {
	if c == nil {
		return nil
	}
	return settingsOf(c.n)
}

// dress finds out who the process becomes, while it can still read that, and has it become so.
func (s *Server) dress(check bool) (err error) {
	j := s.config.jacket
	if j == nil || j.bare && !canConfine() {
		return nil
	}
	if !canConfine() {
		return fmt.Errorf("%s: straitjacket: this program cannot give privileges up: %s",
			j.n.at.pos(), howToConfine)
	}
	if j.User != "" {
		if j.who, err = j.identity(); err != nil {
			return fmt.Errorf("%s: straitjacket: %w", j.n.at.pos(), err)
		}
	}
	j.opens = s.config.opened()
	for _, o := range s.config.opens {
		if o.write && o.path != "" && o.path != "stdout" && o.path != "stderr" {
			j.logs = append(j.logs, o.path)
		}
	}
	if !check {
		s.Confine = func() error {
			if err := j.confine(); err != nil {
				return fmt.Errorf("%s: straitjacket: %w", j.n.at.pos(), err)
			}
			return nil
		}
	}
	return nil
}

// identity looks user and groups up.
func (c *jacket) identity() (who *identity, err error) {
	who = &identity{}
	u, err := lookUser(c.User)
	if err != nil {
		return nil, err
	}
	who.uid, err = strconv.Atoi(u.Uid)
	if err == nil {
		who.gid, err = strconv.Atoi(u.Gid)
	}
	names := c.Groups
	if err == nil && len(names) == 0 && u.Username != "" {
		names, err = u.GroupIds()
	}
	if err == nil && c.Group != "" {
		who.gid, err = lookGroup(c.Group)
	}
	for _, name := range names {
		var id int
		if err == nil {
			id, err = lookGroup(name)
			who.groups = append(who.groups, id)
		}
	}
	if err == nil && who.uid == 0 {
		err = errors.New("user: it stays root")
	}
	slices.Sort(who.groups)
	return who, err
}

// lookUser finds a user by name or number. One that is a number alone has its group's.
func lookUser(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if err == nil {
		return u, nil
	}
	if _, e := strconv.ParseUint(name, 10, 31); e != nil {
		return nil, err
	}
	if u, e := user.LookupId(name); e == nil {
		return u, nil
	}
	return &user.User{Uid: name, Gid: name}, nil
}

func lookGroup(name string) (int, error) {
	if id, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(id), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// ofSystem are what a Go program reads of a system beside its own files, where they are.
var ofSystem = []string{
	"/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/services", "/etc/protocols",
	"/etc/mime.types", "/etc/localtime", "/etc/ssl/certs", "/usr/share/ca-certificates",
	"/usr/share/zoneinfo", "/usr/share/mime", "/etc/pki/tls/certs", "/dev/null", "/dev/urandom",
	"/proc/self", "/proc/sys/net", "/proc/sys/kernel", "/sys/kernel/mm", "/sys/fs/cgroup",
}

// opened are all paths that landlock must leave.
func (c *Config) opened() (list []openedPath) {
	read := func(paths ...string) {
		for _, p := range paths {
			list = append(list, openedPath{path: p})
		}
	}
	read(ofSystem...)
	if exe, err := os.Executable(); err == nil { // for SIGUSR2
		read(exe)
	}
	if c.jacket.User != "" || findsHomes(c.tree) { // users are looked up again then
		read("/etc/passwd", "/etc/group")
	}
	if !c.text {
		list = append(list, around(c.file)...)
	}
	for _, file := range c.included {
		list = append(list, around(file)...)
	}
	for _, o := range c.opens {
		switch base, _, pattern := strings.Cut(o.path, "%"); {
		case o.path == "", o.path == "stdout", o.path == "stderr":
		case o.write: // it may be made anew, under another name first
			list = append(list, openedPath{filepath.Dir(o.path), true})
		case pattern: // of vhosts: what stands before it
			read(cmp.Or(base[:strings.LastIndexByte(base, '/')+1], "."))
		default:
			list = append(list, around(o.path)...)
		}
	}
	for _, l := range c.listeners {
		if name, ok := strings.CutPrefix(l.Addr, "unix:"); ok && !strings.HasPrefix(name, "@") {
			list = append(list, openedPath{filepath.Dir(name), true}) // it is removed at the end
		}
	}
	return list
}

// findsHomes reports whether trees of the system's users are served. Where their homes are the
// configuration has to say, with read.
func findsHomes(tree []*node) bool {
	return slices.ContainsFunc(tree, func(n *node) bool {
		return n.kind != comment && n.name == "userdir" || findsHomes(n.body)
	})
}

// around is a path, and for a file its directory, where one that is renamed over it is found; but
// not one as /etc, in which there is all sorts of things.
func around(name string) (list []openedPath) {
	list = append(list, openedPath{path: name})
	abs, err := filepath.Abs(name)
	info, e := os.Stat(name)
	if err != nil || e != nil || info.IsDir() {
		return list
	}
	if dir := filepath.Dir(abs); strings.Count(dir, "/") > 1 {
		list = append(list, openedPath{path: dir})
	}
	return list
}

// processesOf are the sections of backends that are started.
func processesOf(tree []*node) (list []place) {
	for _, n := range tree {
		if n.isSection("process") {
			list = append(list, n.at)
		}
		list = append(list, processesOf(n.body)...)
	}
	return list
}

// explain says why a module could not be opened, if the jacket may be why. A successor does not get
// back what this process has given up.
func (c *jacket) explain(err error) error {
	if c == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w (straitjacket, in line %d, leaves what was named when the process "+
		"started: stop it, and start it anew)", err, c.n.at.pos().Line)
}
