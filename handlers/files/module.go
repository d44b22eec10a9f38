package files

import (
	"strings"

	"github.com/golwan/golwan/lwan"
)

// Module serves a tree of files: srv.Mount("/static", files.Module.With(files.Config{Dir:
// "static"})). It answers all methods below its prefix, so routes of the site may lie below it as
// well: the longer pattern counts. A path that another module should not be taken for, as /api/
// beside files at the root, needs a route of its own: lwan.NotFound.
var Module = lwan.Module[Config]{Name: "files", Open: open}

func open(scope *lwan.Scope, c Config) error {
	_, err := openSite(scope, c)
	return err
}

func openSite(scope *lwan.Scope, c Config) (*site, error) {
	s, err := newSite(c, pathOfPrefix(scope.Prefix()))
	if err != nil {
		return nil, err
	}
	scope.OnClose(s.close)
	scope.Handle("/", s.serve)
	return s, nil
}

// pathOfPrefix takes the host from a prefix that has one.
func pathOfPrefix(prefix string) string {
	if i := strings.IndexByte(prefix, '/'); i >= 0 {
		return prefix[i:]
	}
	return ""
}
