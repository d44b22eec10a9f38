package files

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/golwan/golwan/template"
)

// Config says what is served and how. Either Dir or FS must be set; the zero value of everything
// else is a default. For limits and times zero means the default and negative none.
type Config struct {
	// Dir is the directory that is served. It is opened as an os.Root: no path and no link leads
	// out of it. A relative one is relative to the working directory.
	Dir string

	// FS is served instead of Dir: an embed.FS, a zip.Reader or anything else. What it opens is
	// trusted: os.DirFS follows links out of its directory, Dir does not.
	FS fs.FS `json:"-"`

	// Index has the names of files that stand for their directory: the first one that exists is
	// sent. nil: index.html. A slice without names: directories have no index.
	Index []string

	// Fallback is served, with status 200, for a path that is not there and whose last segment has
	// no dot: the start page of an application that routes paths itself. "": such a path is a 404.
	Fallback string

	// Reroute is a path of the site, and perhaps a query, that is asked in place of what is not
	// there, whatever the method: "/index.php", a front controller. Directories without an index
	// are not there, too, unless List shows them. The request's query stays if Reroute has none;
	// see lwan.Request.Reroute. "": they are a 404 or 403, and other methods a 405.
	Reroute string

	// List answers a directory without an index with a page, or JSON, of what is in it. Without
	// List, that is a 403.
	List bool

	// NoReadme shows no README below a listing.
	NoReadme bool

	// Page renders listings, in place of the page that is built in.
	Page *template.Template[Listing] `json:"-"`

	// Hidden serves and lists files and directories whose name begins with a dot. Without Hidden,
	// they are a 404, except the directory .well-known in the root (RFC 8615).
	Hidden bool

	// Exclude has patterns of what is not there: see Patterns in the package comment.
	Exclude []string

	// Symlinks says what becomes of symbolic links.
	Symlinks Symlinks

	// Cache has values of Cache-Control by pattern; the most specific pattern counts.
	Cache map[string]string

	// Expires has times by pattern, from the answer on, for the field Expires. Caches that know
	// Cache-Control's max-age ignore it (RFC 9111 section 5.3).
	Expires map[string]time.Duration

	// Download has patterns of files that are offered for saving, under their name, instead of
	// being shown (Content-Disposition, RFC 6266).
	Download []string

	// Types has media types by extension, as ".md": "text/markdown". They go before those that are
	// built in, which go before those of the system.
	Types map[string]string

	// Sniff guesses the type of files with an unknown extension from their first 512 bytes. Without
	// Sniff, they are application/octet-stream. Leave it off where users upload files: one named
	// "x" could be a page.
	Sniff bool

	// NoCompression sends only those compressed forms that lie beside their file (.br, .zst, .gz).
	// Without it, small compressible files are compressed in memory as well.
	NoCompression bool

	// NoStored leaves compressed forms that lie beside their file alone: they are files as others.
	NoStored bool

	// TTL is how long an entry is served without another look at the file: 5 s. An entry that is
	// still asked for is renewed before that, and no request waits for it. Negative: entries stay
	// until they have to make room; for an FS that does not change.
	TTL time.Duration

	// ErrorTTL is how long "not there" and other errors are remembered: 1 s. Negative: not at all.
	ErrorTTL time.Duration

	// Entries bounds how many files and directories are remembered, and so how many descriptors are
	// kept open: 4096, and at most a quarter of the descriptors that the process may have.
	Entries int

	// MemoryBytes bounds what is kept of small files and of listings: 64 MiB. Compressed forms get
	// as much again.
	MemoryBytes int64

	// SmallFile is the size up to which a file is served from memory: 16 KiB. Negative: only empty
	// ones are.
	SmallFile int64

	// MaxRanges is how many ranges one request may ask for: 16. With more, its Range is ignored.
	// Negative: none are served.
	MaxRanges int
}

// Symlinks says what becomes of symbolic links in a tree.
type Symlinks uint8

const (
	// SymlinksInside: links are followed if they stay inside the tree; others are a 404. An
	// absolute link stays inside if it begins with Dir, as it was configured or as it is without
	// links.
	SymlinksInside Symlinks = iota
	// SymlinksNever: they are not there, and nothing behind them is.
	SymlinksNever
)

const (
	defaultTTL       = 5 * time.Second
	defaultErrorTTL  = time.Second
	defaultEntries   = 4096
	defaultMemory    = 64 << 20
	defaultSmallFile = 16 << 10
	defaultMaxRanges = 16
)

// withDefaults returns c with every zero value replaced. Negative ones become what the packages
// below take for "none".
func (c Config) withDefaults() Config {
	if c.Index == nil {
		c.Index = []string{"index.html"}
	}
	c.TTL = time.Duration(orDefault(int64(c.TTL), int64(defaultTTL)))
	c.ErrorTTL = time.Duration(orDefault(int64(c.ErrorTTL), int64(defaultErrorTTL)))
	c.MemoryBytes = orDefault(c.MemoryBytes, defaultMemory)
	c.SmallFile = orDefault(c.SmallFile, defaultSmallFile)
	c.MaxRanges = int(orDefault(int64(c.MaxRanges), defaultMaxRanges))
	if c.Entries == 0 {
		c.Entries = defaultEntries
	}
	c.Entries = min(c.Entries, max(descriptorLimit()/4, 16))
	return c
}

func orDefault(n, otherwise int64) int64 {
	if n == 0 {
		return otherwise
	}
	return max(n, 0)
}

// check says what is wrong with the configuration, by the names of the fields.
func (c *Config) check() error {
	var errs []error
	bad := func(wrong bool, format string, a ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("files: "+format, a...))
		}
	}
	bad(c.Dir == "" && c.FS == nil, "neither Dir nor FS is set")
	bad(c.Dir != "" && c.FS != nil, "both Dir and FS are set")
	bad(c.Entries < 0, "Entries is negative")
	bad(c.Symlinks > SymlinksNever, "Symlinks is %d", c.Symlinks)
	bad(c.Page != nil && !c.List, "Page is set and List is not")
	for _, name := range c.Index {
		bad(!plainName(name), "Index: %q is no name", name)
	}
	bad(c.Fallback != "" && (!fs.ValidPath(c.Fallback) || c.Fallback == "."),
		"Fallback: %q is no path inside the tree", c.Fallback)
	bad(c.Reroute != "" && c.Reroute[0] != '/', "Reroute: %q does not begin with a slash",
		c.Reroute)
	bad(c.Reroute != "" && c.Fallback != "", "both Reroute and Fallback are set")
	for ext := range c.Types {
		bad(!strings.HasPrefix(ext, ".") || path.Ext(ext) != ext, "Types: %q is no extension", ext)
	}
	return errors.Join(errs...)
}

// plainName reports whether name is one segment of a path.
func plainName(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.ContainsAny(name, "/\\\x00")
}
