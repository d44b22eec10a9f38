package gateway

import (
	"fmt"
	"path"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// directories are those of SendFile with their paths, the longest first. Both end without a slash.
func (c Common) directories() (list []pair, err error) {
	for dir, at := range c.SendFile {
		if dir == "" || dir[0] != '/' || path.Clean(dir) != dir || dir == "/" {
			return nil, fmt.Errorf("SendFile: %q is no directory of files", dir)
		}
		if at == "" || at[0] != '/' || strings.ContainsAny(at, "?#%") {
			return nil, fmt.Errorf("SendFile: %q is no path of this server", at)
		}
		list = append(list, pair{dir, strings.TrimSuffix(at, "/")})
	}
	longestFirst(list)
	return list, nil
}

// place is where a file is among the paths of this server, encoded. A name that could mean another
// file than it says is in no directory.
func (g *gateway) place(name string) (target string, ok bool) {
	if path.Clean(name) != name || strings.IndexByte(name, 0) >= 0 {
		return "", false
	}
	for _, f := range g.files {
		if rest, in := strings.CutPrefix(name, f.from+"/"); in {
			return string(appendPath(appendPath(nil, f.to+"/"), rest)), true
		}
	}
	return "", false
}

// sendFile answers with a file that the backend has named.
func (x *passage) sendFile(name string) lwan.Status {
	target, ok := x.g.place(name)
	if ok {
		return x.redirected(target)
	}
	text := fmt.Sprintf("X-Sendfile: %.200s is in no directory of SendFile", name)
	x.g.pool.say(said{who: x.pick.address, text: strings.ToValidUTF8(text, "\uFFFD")})
	return lwan.StatusNotFound
}
