package conf

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// includes reads the files that a file includes.
//
//	include sites/*.conf      in the order of their names; there need not be any
//	include common.conf       must be there
//
// Names are relative to the file that includes. What is included counts as if it stood there.
type includes struct {
	read  func(name string) ([]byte, error)
	glob  func(pattern string) ([]string, error)
	open  []string // the files that are being read, outermost first
	files []string // all that were read
}

// maxFile is how large a file may be: one that is larger is no configuration.
const maxFile = 16 << 20

// readFile reads a file of the system.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: is larger than %d MiB", name, maxFile>>20)
	}
	return text, err
}

// include reads what an include names.
func (p *parser) include(n *node) []*node {
	if n.open || n.arg == "" {
		p.report.add(n.at, "write include FILE, or include DIR/*.conf",
			"an include has one file and no braces")
		return nil
	}
	name := n.arg
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(p.src.name), name)
	}
	names := []string{name}
	if strings.ContainsAny(name, "*?[") {
		var err error
		if names, err = p.files.glob(name); err != nil {
			p.report.add(n.argAt, "", "%s: %v", n.arg, err)
			return nil
		}
		slices.Sort(names)
	}
	var all []*node
	for _, name := range names {
		all = append(all, p.includeFile(n, name)...)
	}
	return all
}

func (p *parser) includeFile(n *node, name string) []*node {
	if slices.Contains(p.files.open, name) {
		p.report.add(n.argAt, "", "%s includes itself", name)
		return nil
	}
	if len(p.files.open) > maxIncludes {
		p.report.add(n.argAt, "", "files include each other more than %d deep", maxIncludes)
		return nil
	}
	text, err := p.files.read(name)
	if err != nil {
		p.report.add(n.argAt, "", "%v", err)
		return nil
	}
	p.files.open = append(p.files.open, name)
	p.files.files = append(p.files.files, name)
	defer func() { p.files.open = p.files.open[:len(p.files.open)-1] }()
	inner := &parser{
		src: &source{name: name, text: string(text)}, report: p.report, vars: p.vars,
		files: p.files, depth: p.depth,
	}
	return inner.file()
}
