package conf

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// passing is what modules have that pass requests on to backends.
type passing struct {
	Group string `doc:"a section group; none: its settings stand here"`
	groupConfig
	answering

	of *groupBook // set by belong, as what follows
	to *groupConfig
}

// answering is how answers of backends and programs are taken.
type answering struct {
	SendTimeout time.Duration `default:"30s" range:"0.." doc:"in which a backend takes nothing; then 504. 0: no limit"`
	HeadTimeout time.Duration `default:"60s" range:"0.." doc:"until the head of an answer; then 504. 0: no limit"`
	BodyTimeout time.Duration `default:"60s" range:"0.." doc:"between two pieces of an answer; then it is cut. 0: no limit"`
	HeadBytes   Size          `default:"64k" range:"1024.." doc:"of an answer's head; then 502"`
	Intercept   []int         `range:"400..599" doc:"statuses of answers in place of whose body the server's page is sent"`
	Accel       bool          `doc:"a backend may send what is here: X-Accel-Redirect = /path"`

	SendFile map[string]string `doc:"directory, as a backend names it = path here: it may send files of that: X-Sendfile = /directory/file"`
}

// check says what is wrong with SendFile.
func (c *answering) check() error {
	for dir, at := range c.SendFile {
		switch {
		case dir == "/" || dir == "" || dir[0] != '/' || path.Clean(dir) != dir:
			return fmt.Errorf("send_file: %q is no absolute path of a directory below /", dir)
		case at == "" || at[0] != '/' || strings.ContainsAny(at, "?#%"):
			return fmt.Errorf("send_file: %q is no path of a site, decoded", at)
		}
	}
	return nil
}

// common is what package gateway has, without a group.
func (c *answering) common() gateway.Common {
	return gateway.Common{
		Timeouts: gateway.Timeouts{
			Send: noneIfZero(c.SendTimeout), Head: noneIfZero(c.HeadTimeout),
			Body: noneIfZero(c.BodyTimeout),
		},
		HeadBytes: int(c.HeadBytes), Intercept: statuses(c.Intercept), Accel: c.Accel,
		SendFile: c.SendFile,
	}
}

// groupName implements groupUser.
func (c *passing) groupName() string { return c.Group }

// belong implements belonger.
func (c *passing) belong(of *Config) {
	c.of, c.to = of.book, &c.groupConfig
	if c.Group != "" {
		c.to = &of.groupNamed(c.Group).config
	}
}

// Check implements Checker, in place of the group's.
func (c *passing) Check() error {
	if err := c.answering.check(); err != nil {
		return err
	}
	if c.Group == "" {
		return c.groupConfig.Check()
	}
	if !reflect.DeepEqual(&c.groupConfig, plainGroup()) {
		return fmt.Errorf("settings of backends belong into the group %s", c.Group)
	}
	return nil
}

// common is what package gateway has.
func (c *passing) common(s *lwan.Scope) (gateway.Common, error) {
	to := c.answering.common()
	var err error
	to.To, err = c.of.take(s, c.Group, c.to)
	return to, err
}

// proxy passes requests on to HTTP servers.
type proxy struct {
	passing

	Path          string            `doc:"takes the place of the prefix; none: the path stays as it is"`
	Host          string            `doc:"that is asked for; none: the client's, $backend: the backend's address"`
	Forwarded     []string          `default:"x" oneof:"x rfc real keep none" doc:"fields that tell of the client: X-Forwarded-, Forwarded, X-Real-IP; the client's own"`
	Upgrade       []string          `doc:"protocols that may be switched to; * is all, none: websocket, or no with backend_tls"`
	IdleTimeout   time.Duration     `default:"10m" range:"0.." doc:"of a connection that was switched. 0: no limit"`
	EncodedSlash  string            `default:"refuse" oneof:"refuse pass" doc:"what becomes of a path with %2F, which may be another one for the backend"`
	MapPath       map[string]string `doc:"path of the backend = path here: in Location and cookies"`
	MapHost       map[string]string `doc:"host of the backend = host here: in Location and cookies"`
	ProxyProtocol int               `range:"0..2" doc:"version of the PROXY protocol that is spoken to backends; 0: none"`
	EarlyHints    bool              `doc:"pass 103 on"`
}

var forwardings = map[string]gateway.Forwarded{
	"x": gateway.ForwardedX, "rfc": gateway.ForwardedRFC, "real": gateway.ForwardedReal,
	"keep": gateway.ForwardedKeep, "none": gateway.ForwardedNone,
}

// Check implements Checker.
func (c *proxy) Check() error {
	switch {
	case c.Path != "" && c.Path[0] != '/':
		return fmt.Errorf("path: %q does not begin with a slash", c.Path)
	case len(c.Forwarded) == 0:
		return errors.New("forwarded is empty: write none")
	case len(c.Forwarded) > 1 && slices.Contains(c.Forwarded, "none"):
		return errors.New("forwarded: none stands alone")
	case c.Group == "" && c.BackendTLS != nil && len(c.upgrade(true)) > 0:
		return errors.New("upgrade: encrypted connections to backends cannot be switched")
	}
	return c.passing.Check()
}

// upgrade is what may be switched to.
func (c *proxy) upgrade(encrypted bool) []string {
	switch {
	case len(c.Upgrade) == 1 && c.Upgrade[0] == "no":
		return nil
	case len(c.Upgrade) == 0 && !encrypted:
		return []string{"websocket"}
	}
	return c.Upgrade
}

// open opens the gateway.
func (c *proxy) open(s *lwan.Scope) error {
	common, err := c.common(s)
	if err != nil {
		return err
	}
	common.Timeouts.Idle = noneIfZero(c.IdleTimeout)
	var told gateway.Forwarded
	for _, f := range c.Forwarded {
		told |= forwardings[f]
	}
	return gateway.Proxy.Open(s, gateway.ProxyConfig{
		Common: common, Path: c.Path, KeepPath: c.Path == "", Host: c.Host, Forwarded: told,
		Upgrade: c.upgrade(c.to.BackendTLS != nil), EncodedSlash: c.EncodedSlash == "pass",
		MapPath: c.MapPath, MapHost: c.MapHost, ProxyProtocol: c.ProxyProtocol,
		Early: c.EarlyHints,
	})
}

var proxyModule = lwan.Module[proxy]{
	Name: "proxy", HandOn: true,
	Open: func(s *lwan.Scope, c proxy) error { return c.open(s) },
}

// script passes requests on to FastCGI, SCGI and uwsgi applications; some names are of Lwan's
// fastcgi.
type script struct {
	passing

	Root       string            `conf:"root,alias=script_path" doc:"of the scripts, as the application sees it; none: it knows by itself what to run"`
	Index      string            `conf:"index,alias=default_index" doc:"added to a path that ends in a slash: index.php"`
	Front      string            `doc:"the script of every path: /index.php; none: the path names it"`
	Extensions []string          `doc:"of scripts, with the rest of the path behind them: .php; none: the whole path names it"`
	CheckFiles bool              `doc:"404 without the application, if the script is not below root"`
	Vars       map[string]string `conf:"vars,alias=params" doc:"name = value, beyond those of CGI or in their place"`
	Stream     bool              `doc:"answers go out as they come, which holds a process for a slow client"`
}

// fastCGI has what FastCGI alone has.
type fastCGI struct {
	script

	KeepConn bool `doc:"ask the application to keep connections open"`
}

// Check implements Checker.
func (c *script) Check() error {
	switch {
	case c.Front != "" && c.Front[0] != '/':
		return fmt.Errorf("front: %q does not begin with a slash", c.Front)
	case c.CheckFiles && c.Root == "":
		return errors.New("check_files needs a root")
	}
	for _, e := range c.Extensions {
		if !strings.HasPrefix(e, ".") {
			return fmt.Errorf("extensions: %q does not begin with a dot", e)
		}
	}
	return c.passing.Check()
}

// scripts is what package gateway has.
func (c *script) scripts(s *lwan.Scope) (gateway.ScriptConfig, error) {
	common, err := c.common(s)
	return gateway.ScriptConfig{
		Common: common, Root: c.Root, Index: c.Index, Front: c.Front, Extensions: c.Extensions,
		Check: c.CheckFiles, Vars: c.Vars, Stream: c.Stream,
	}, err
}

var fastCGIModule = lwan.Module[fastCGI]{
	Name: "fastcgi", HandOn: true,
	Open: func(s *lwan.Scope, c fastCGI) error {
		to, err := c.scripts(s)
		if err != nil {
			return err
		}
		to.KeepConns = c.KeepConn
		return gateway.FastCGI.Open(s, to)
	},
}

var scgiModule = lwan.Module[script]{
	Name: "scgi", HandOn: true,
	Open: func(s *lwan.Scope, c script) error {
		to, err := c.scripts(s)
		if err != nil {
			return err
		}
		return gateway.SCGI.Open(s, to)
	},
}

var uwsgiModule = lwan.Module[script]{
	Name: "uwsgi", HandOn: true,
	Open: func(s *lwan.Scope, c script) error {
		to, err := c.scripts(s)
		if err != nil {
			return err
		}
		return gateway.UWSGI.Open(s, to)
	},
}
