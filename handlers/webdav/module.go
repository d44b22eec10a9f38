package webdav

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	dav "golang.org/x/net/webdav"

	"github.com/golwan/golwan/lwan"
)

// Config says which directory clients get, and what they may do with it.
type Config struct {
	Dir string // has to be there

	// Write lets clients change what is there. Without it there are GET, HEAD, OPTIONS and PROPFIND
	// alone.
	Write bool

	// MaxBody is of a file that is put: 1 GiB, beyond it 413; negative: no limit.
	MaxBody int64

	// Locks is how many locks there may be at a time: 10,000; beyond it 423. LockTime is how long
	// one lasts at most without being refreshed: 1 h. A request that changes something without
	// having a lock takes one or two for as long as it lasts.
	Locks    int
	LockTime time.Duration
}

const (
	defaultMaxBody  = 1 << 30
	defaultLocks    = 10_000
	defaultLockTime = time.Hour

	maxXML = 64 << 10 // of a body that is no file
)

// Module is the directory below the path that it is mounted at. See the package comment.
var Module = lwan.Module[Config]{Name: "webdav", Open: open}

// open opens the directory, which is closed with the module.
func open(s *lwan.Scope, c Config) error {
	switch {
	case c.Dir == "":
		return errors.New("webdav: Config.Dir is empty")
	case c.Locks < 0, c.LockTime < 0, c.LockTime > 0 && c.LockTime < time.Second:
		return errors.New("webdav: Config.Locks is negative, or LockTime below a second")
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.Locks == 0 {
		c.Locks = defaultLocks
	}
	if c.LockTime == 0 {
		c.LockTime = defaultLockTime
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return err
	}
	s.OnClose(root.Close)
	prefix := strings.TrimSuffix(s.Prefix(), "/")
	t := &tree{prefix: prefix, write: c.Write, longest: c.LockTime, handler: &dav.Handler{
		Prefix: prefix, FileSystem: &directory{root},
		LockSystem: &locks{LockSystem: dav.NewMemLS(), most: c.Locks, longest: c.LockTime,
			ends: map[string]time.Time{}},
		Logger: func(r *http.Request, err error) {
			if err != nil {
				s.Log.Debug("webdav", "method", r.Method, "path", r.URL.Path, "err", err)
			}
		},
	}}
	h := t.plain(lwan.FromHTTP(t))
	for _, method := range t.methods() {
		limits := lwan.WithLimits(lwan.Limits{Body: maxXML})
		if method == "PUT" {
			limits = lwan.WithLimits(lwan.Limits{Body: c.MaxBody})
		}
		s.Handle(method+" ", h, limits)
		s.Handle(method+" /", h, limits)
	}
	return nil
}

// tree is an open directory. It is constant.
type tree struct {
	prefix  string // without a slash at its end
	write   bool
	longest time.Duration // a lock
	handler *dav.Handler
}

// methods are those that clients may use; any other is 405.
func (t *tree) methods() []string {
	list := []string{"OPTIONS", "GET", "PROPFIND"} // with GET comes HEAD
	if t.write {
		list = append(list, "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPPATCH")
	}
	return list
}

// plain passes by what could be another path for the routes than for the directory.
func (t *tree) plain(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		odd := false
		req.Borrow(func() { odd = bytes.IndexByte(req.PathBytes(), 0) >= 0 })
		if odd {
			return lwan.StatusNotFound
		}
		return next(req, resp)
	}
}

// finiteDepth is what a PROPFIND without a bound is told (RFC 4918 section 9.1.1).
const finiteDepth = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>` + "\n"

// ServeHTTP implements http.Handler.
func (t *tree) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case "OPTIONS":
		t.options(w)
		return
	case "PROPFIND":
		if d := r.Header.Get("Depth"); d != "0" && d != "1" {
			w.Header().Set("Content-Type", "application/xml; charset=utf-8")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(finiteDepth)) // the client has gone: there is nobody to tell
			return
		}
	case "COPY", "MOVE":
		if status := t.destination(r); status != 0 {
			http.Error(w, http.StatusText(status), status)
			return
		}
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method == "LOCK" {
		boundTimeout(r.Header, t.longest)
	}
	if r.Method != "GET" && r.Method != "HEAD" {
		body := &watched{ReadCloser: r.Body}
		w, r.Body = &tooLarge{w, body}, body
	}
	t.handler.ServeHTTP(w, r)
}

func (t *tree) options(w http.ResponseWriter) {
	class := "1"
	if t.write {
		class = "1, 2"
	}
	w.Header().Set("DAV", class)
	w.Header().Set("MS-Author-Via", "DAV")
	w.Header().Set("Allow", strings.Replace(strings.Join(t.methods(), ", "), "GET", "GET, HEAD", 1))
}

// destination checks where something is copied or moved to; 0 is good. A collection that came into
// itself would be copied again and again, and one that is written over is removed before.
func (t *tree) destination(r *http.Request) (status int) {
	u, err := url.Parse(r.Header.Get("Destination"))
	switch {
	case err != nil, u.Path == "":
		return http.StatusBadRequest
	case u.Host != "" && u.Host != r.Host:
		return http.StatusBadGateway // it is for another server (RFC 4918 section 9.8.5)
	case strings.Contains(strings.ToLower(u.EscapedPath()), "%2f"),
		path.Clean(u.Path) != strings.TrimSuffix(u.Path, "/"):
		return http.StatusBadRequest // another path for the routes than for the directory
	}
	to, ok := below(u.Path, t.prefix)
	from, in := below(r.URL.Path, t.prefix)
	switch {
	case !ok, !in:
		return http.StatusBadGateway
	case holds(from, to), holds(to, from), t.holds(r, from, to), t.holds(r, to, from):
		return http.StatusForbidden
	}
	if r.Header.Get("Overwrite") == "" {
		r.Header.Set("Overwrite", "T") // RFC 4918 section 10.6
	}
	return 0
}

// holds is holds for names that links, or the case of letters, make two of one collection.
func (t *tree) holds(r *http.Request, outer, inner string) bool {
	files := t.handler.FileSystem
	whole, err := files.Stat(r.Context(), outer)
	if err != nil {
		return false // it is not there
	}
	for {
		if fi, err := files.Stat(r.Context(), inner); err == nil && os.SameFile(whole, fi) {
			return true
		}
		if inner == "/" {
			return false
		}
		inner = path.Dir(inner)
	}
}

// below is the path without the prefix, clean.
func below(p, prefix string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path.Clean("/"+p), prefix)
	return path.Clean("/" + rest), ok && (rest == "" || rest[0] == '/')
}

// holds reports whether the collection at one path holds what is at the other, or is it.
func holds(outer, inner string) bool {
	return outer == "/" || inner == outer || strings.HasPrefix(inner, outer+"/")
}
