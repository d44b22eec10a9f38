// Program jacket is golwan with handlers that try what a straitjacket forbids.
package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/conf"
)

func main() {
	reg := conf.Standard()
	reg.Handlers["open"] = open
	reg.Handlers["blocking"] = lwan.Blocking(open)
	reg.Handlers["threads"] = threads
	conf.Main(reg)
}

// open says what becomes of opening a file.
func open(req *lwan.Request, resp *lwan.Response) lwan.Status {
	f, err := os.Open(req.Query("name"))
	if err != nil {
		return resp.Text(200, err.Error())
	}
	return resp.Text(200, "open "+f.Name())
}

// threads says what all threads may do, without what is the same of two.
func threads(req *lwan.Request, resp *lwan.Response) lwan.Status {
	all, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		return resp.Fail(err)
	}
	seen := map[string]bool{}
	for _, name := range all {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) { // it has ended
			continue
		} else if err != nil {
			return resp.Fail(err)
		}
		var lines []string
		for line := range strings.Lines(string(text)) {
			switch name, _, _ := strings.Cut(line, ":"); name {
			case "Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
				"NoNewPrivs":
				lines = append(lines, strings.Join(strings.Fields(line), " "))
			}
		}
		seen[strings.Join(lines, "\n")] = true
	}
	var out []string
	for text := range seen {
		out = append(out, text)
	}
	return resp.Text(200, strings.Join(out, "\n--\n"))
}
