package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// ScriptConfig is of FastCGI, SCGI and uwsgi.
type ScriptConfig struct {
	Common

	// Root is DOCUMENT_ROOT, as the application sees it; "": there is none, and the application
	// finds out by itself what to run.
	Root  string
	Index string // added to a path that ends in a slash: "index.php"; "": nothing is
	Front string // the script of every path: "/index.php"; "": that which the path names

	// Extensions says that a script's name ends in one of these: the rest of the path is PATH_INFO.
	// Without them all of the path is PATH_INFO, or with Root, the script.
	Extensions []string

	// Check answers 404 when the script is not below Root, as seen from here. The look waits on a
	// goroutine.
	Check bool

	// Vars are set beyond those of RFC 3875, or in their place.
	Vars map[string]string

	// KeepConns asks FastCGI applications to keep connections open. php-fpm gives a process away
	// with each connection that is kept.
	KeepConns bool

	// Stream lets answers go out as they come. Else they are held back up to Limits.Buffer, so that
	// a slow client holds no process; but for those with X-Accel-Buffering: no, and event streams.
	Stream bool
}

// script is what a request asks for.
type script struct{ name, info string }

// errNoScript is a path that names no script.
var errNoScript = &lwan.Error{Status: 404, Err: errors.New("gateway: the path names no script")}

// scripts makes the variables of requests.
type scripts struct {
	ScriptConfig
	prefix string // of the mount, without a slash at the end
	vars   []pair // of Vars
	root   *os.Root

	programs bool // the first name below the prefix is the script's, whatever there is: CGI
}

func newScripts(s *lwan.Scope, c ScriptConfig) (*scripts, error) {
	sc := &scripts{ScriptConfig: c}
	if i := strings.IndexByte(s.Prefix(), '/'); i >= 0 {
		sc.prefix = strings.TrimSuffix(s.Prefix()[i:], "/")
	}
	if strings.ContainsRune(sc.prefix, '{') {
		return nil, errors.New("a prefix with parameters is not for scripts")
	}
	if err := sc.setVars(); err != nil {
		return nil, err
	}
	if !c.Check {
		return sc, nil
	}
	if c.Root == "" {
		return nil, errors.New("without Root there is nothing to Check")
	}
	var err error
	if sc.root, err = os.OpenRoot(c.Root); err != nil {
		return nil, err
	}
	s.OnClose(sc.root.Close)
	return sc, nil
}

// setVars takes Vars over.
func (s *scripts) setVars() error {
	for name, value := range s.Vars {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return fmt.Errorf("in Vars %q cannot be a variable", name)
		}
		s.vars = append(s.vars, pair{name, value})
	}
	return nil
}

// find finds the script of a path, which is below the mount's prefix. A slash that was sent encoded
// is refused: no file has it in its name.
func (s *scripts) find(p string) (script, error) {
	if strings.IndexByte(p, encodedSlash) >= 0 {
		return script{}, errNoScript
	}
	switch {
	case s.Front != "":
		return script{s.prefix + s.Front, ""}, nil
	case s.programs:
		return s.findProgram(p)
	}
	if s.Index != "" && strings.HasSuffix(p, "/") {
		p += s.Index
	}
	if len(s.Extensions) == 0 {
		if s.Root == "" {
			return script{s.prefix, p[len(s.prefix):]}, nil
		}
		return script{p, ""}, nil
	}
	for i := len(s.prefix); i < len(p); {
		end := len(p)
		if j := strings.IndexByte(p[i+1:], '/'); j >= 0 {
			end = i + 1 + j
		}
		for _, ext := range s.Extensions {
			if name := p[i+1 : end]; len(name) > len(ext) && strings.HasSuffix(name, ext) {
				return script{p[:end], p[end:]}, nil
			}
		}
		i = end
	}
	return script{}, errNoScript
}

// findProgram finds the program that the first name below the prefix is of. One that begins with a
// dot is none.
func (s *scripts) findProgram(p string) (script, error) {
	name, _, _ := strings.Cut(strings.TrimPrefix(p[len(s.prefix):], "/"), "/")
	if name == "" || name[0] == '.' {
		return script{}, errNoScript
	}
	end := len(s.prefix) + 1 + len(name)
	return script{p[:end], p[end:]}, nil
}

// check looks for the script's file.
func (s *scripts) check(req *lwan.Request, sc script) error {
	name := strings.TrimPrefix(strings.TrimPrefix(sc.name, s.prefix), "/")
	return req.Await(func(context.Context) error {
		info, err := s.root.Stat(path.Clean(name))
		switch {
		case err != nil: // a link out of Root as well: nothing is told of it
			return &lwan.Error{Status: 404, Err: fmt.Errorf("gateway: the script: %w", err)}
		case !info.Mode().IsRegular():
			return errNoScript
		}
		return nil
	})
}

// setVar sets a variable. Values hold no NUL: neither fields nor decoded paths can.
type setVar func(name, value string)

// set gives the variables of a request to fn (RFC 3875 section 4.1).
func (s *scripts) set(x *passage, sc script, fn setVar) {
	req := x.req
	told, _ := granted.Get(req)
	if len(s.vars)+len(told) > 0 { // what they replace is not there a second time
		all, there := fn, map[string]bool{}
		fn = func(name, value string) {
			if !there[name] {
				all(name, value)
			}
		}
		for _, v := range slices.Concat(s.vars, told) {
			fn(v.from, v.to)
			there[v.from] = true
		}
	}
	fn("GATEWAY_INTERFACE", "CGI/1.1")
	fn("SERVER_SOFTWARE", "golwan")
	fn("SERVER_PROTOCOL", req.Proto())
	fn("REQUEST_METHOD", x.try.method)
	target := req.RoutedTarget()
	fn("REQUEST_URI", target)
	fn("DOCUMENT_URI", sc.name+sc.info)
	fn("QUERY_STRING", strings.TrimPrefix(queryOf(target), "?"))
	fn("SCRIPT_NAME", sc.name)
	fn("PATH_INFO", sc.info)
	if s.Root != "" {
		root := strings.TrimSuffix(s.Root, "/")
		fn("DOCUMENT_ROOT", root)
		fn("SCRIPT_FILENAME", root+strings.TrimPrefix(sc.name, s.prefix))
		if sc.info != "" {
			fn("PATH_TRANSLATED", root+sc.info)
		}
	}
	s.setPeers(req, fn)
	if x.length != 0 || len(x.content) > 0 {
		fn("CONTENT_LENGTH", strconv.FormatInt(max(x.length, int64(len(x.content))), 10))
	} else if hasContent(x.try.method) {
		fn("CONTENT_LENGTH", "0")
	}
	if ct := req.Header("Content-Type"); ct != "" {
		fn("CONTENT_TYPE", ct)
	}
	s.setFields(req, fn)
}

// setPeers sets what is known of both ends.
func (s *scripts) setPeers(req *lwan.Request, fn setVar) {
	scheme := req.Scheme()
	fn("REQUEST_SCHEME", scheme)
	port := "80"
	if scheme == "https" {
		fn("HTTPS", "on")
		port = "443"
	}
	host := req.Host()
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
	}
	fn("SERVER_NAME", name)
	fn("SERVER_PORT", port)
	if host != "" {
		fn("HTTP_HOST", host)
	}
	if a := req.RemoteAddr(); a.IsValid() {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		fn("REMOTE_ADDR", a.Addr().String())
		fn("REMOTE_PORT", strconv.Itoa(int(a.Port())))
	} else {
		fn("REMOTE_ADDR", "127.0.0.1") // of a unix socket: RFC 3875 wants an address
	}
}

// setFields sets the variables of fields; lines of one name are one list.
func (s *scripts) setFields(req *lwan.Request, fn setVar) {
	var room [64]byte
	seen := map[string]bool{}
	for name := range req.HeaderLines() {
		v, ok := appendVar(room[:0], name)
		if !ok || seen[string(v)] {
			continue
		}
		variable := string(v)
		seen[variable] = true
		values := req.HeaderAll(string(name))
		sep := ", "
		if variable == "HTTP_COOKIE" {
			sep = "; "
		}
		fn(variable, strings.Join(values, sep))
	}
}
