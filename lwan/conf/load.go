package conf

import (
	"maps"
	"os"
	"path/filepath"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// Options say where a Load finds what it asks for. The zero value is the system.
type Options struct {
	Files  func(name string) ([]byte, error)         // nil: files of the system, of at most 16 MiB
	Glob   func(pattern string) ([]string, error)    // for includes of patterns; nil: filepath.Glob
	Getenv func(name string) (value string, ok bool) // nil: os.LookupEnv
	Set    map[string]string                         // constants that go before those of the file

	book *groupBook // of the server whose configuration is read again; nil: there is none
}

// filesOf are the files that includes are read from.
func (o *Options) filesOf(file string) *includes {
	files := &includes{read: o.Files, glob: o.Glob, open: []string{filepath.Clean(file)}}
	if files.read == nil {
		files.read = readFile
	}
	if files.glob == nil {
		files.glob = filepath.Glob
	}
	return files
}

// Config is a configuration that was read and bound to its types: nothing is open yet.
type Config struct {
	file     string
	reg      Registry
	options  Options
	text     bool // it is no file
	tree     []*node
	settings settings
	log      *logConfig
	header   map[string]string
	jacket   *jacket      // nil: the process keeps what it has
	opens    []openedPath // that are opened while it serves
	included []string     // the files that were read
	book     *groupBook
	groups   map[string]*namedGroup

	listeners []*listener
	top       []*filter // for all sites
	sites     []*site
	problems  Problems // warnings

	rewrites   []*handlers.Rewriter // for all sites
	askedEarly []*node              // conditions around content that ask for an address
}

// Load reads a file and what it includes, and binds it to the types of reg. All that is wrong is in
// the Problems that it returns as its error. Warnings alone are none: see Config.Warnings.
func Load(file string, reg Registry, o Options) (*Config, error) {
	text, err := o.filesOf(file).read(file)
	if err != nil {
		return nil, err
	}
	c, err := LoadText(file, string(text), reg, o)
	if err == nil {
		c.text = false
	}
	return c, err
}

// LoadText is Load for a text that is no file; name is what errors call it, and where includes are
// looked for.
func LoadText(name, text string, reg Registry, o Options) (*Config, error) {
	if err := reg.check(); err != nil {
		return nil, err
	}
	if o.book == nil {
		o.book = &groupBook{}
	}
	getenv := o.Getenv
	if getenv == nil {
		getenv = os.LookupEnv
	}
	r := &report{}
	vars := newVariables(maps.Clone(o.Set), getenv)
	files := o.filesOf(name)
	tree := parseFile(&source{name: name, text: text}, vars, files, r)
	b := &binder{reg: reg, report: r, config: &Config{
		file: name, tree: tree, reg: reg, options: o, text: true, book: o.book,
		included: files.files,
	}}
	b.file(tree)
	b.config.problems = r.sorted()
	if err := b.config.problems.Err(); err != nil {
		return nil, err
	}
	return b.config, nil
}

// Warnings are what is strange about the configuration, and keeps it from nothing.
func (c *Config) Warnings() Problems { return c.problems }

// site is a table of content with its filters.
type site struct {
	n       *node
	hosts   []string // nil: all others
	filters []*filter
	content []*content
	// looked for before that, in the order of the list
	branches []*conditional
	rewrites []*handlers.Rewriter
	tls      *siteTLS // nil: the listener has a certificate
	tlsAt    place
}

// conditional is content in an if.
type conditional struct {
	guards  []guard // all that must hold
	content []*content
}

// hosts are the names of all sites; nil: there is a site for any name.
func (c *Config) hosts() (names []string) {
	sites := c.sites
	for _, l := range c.listeners {
		sites = append(sites[:len(sites):len(sites)], l.sites...)
	}
	for _, s := range sites {
		if len(s.hosts) == 0 {
			return nil
		}
		names = append(names, s.hosts...)
	}
	return names
}

// filter is one that was bound, with what must hold for it to count.
type filter struct {
	n      *node
	phase  Phase
	guards []guard
	config any // what open makes it of, if an equal filter is the same; else nil
	open   func(s *lwan.Scope) (lwan.Middleware, error)
	log    *accessLog // it is one of these, and open is nil

	in     *node    // the block that it stands in
	sets   []string // fields that it puts into requests
	within bool     // an access opens it: see either
	access *access  // it is one of these
}

// guard reports whether something counts for a request: the condition of an if, the prefix of an
// at.
type guard func(req *lwan.Request) bool

// content is a module or handler at its prefix, with its own filters.
type content struct {
	n       *node
	prefix  string
	module  lwan.Mountable // nil: a handler
	handler lwan.Handler
	filters []*filter
}
