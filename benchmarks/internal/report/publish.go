package report

import (
	"bytes"
	"fmt"
	"strings"
)

// Kind is what was measured: "targets", "tuning", or "results" of workloads that were named.
func (r Report) Kind() string {
	switch {
	case len(r.Targets) > 0:
		return "targets"
	case len(r.Tuning) > 0:
		return "tuning"
	}
	return "results"
}

// Publish puts the report into a page, between the lines "<!-- begin KIND -->" and "<!-- end KIND
// -->", in place of what is there. Of a report on targets, the tables of the cases are left out.
func (r Report) Publish(page []byte) ([]byte, error) {
	from, to, err := Place(page, r.Kind())
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{page[:from], []byte(r.published()), page[to:]}, nil), nil
}

// Place finds what Publish replaces in a page.
func Place(page []byte, kind string) (from, to int, err error) {
	begin, end := []byte("<!-- begin "+kind+" -->\n"), []byte("<!-- end "+kind+" -->\n")
	from, to = bytes.Index(page, begin), bytes.Index(page, end)
	if from < 0 || to < from+len(begin) {
		return 0, 0, fmt.Errorf("the page has no place for %s: two lines, %s and %s",
			kind, bytes.TrimSpace(begin), bytes.TrimSpace(end))
	}
	return from + len(begin), to, nil
}

// published is the report below a heading of the page.
func (r Report) published() string {
	var b strings.Builder
	r.writeHead(&b)
	r.writeTargets(&b)
	r.writeTuning(&b)
	if len(r.Targets) == 0 {
		r.writeCases(&b)
	}
	r.writeNotes(&b)
	lines := strings.Split(strings.Replace(b.String(), "# Benchmarks, ", "Measured on ", 1), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "## ") {
			lines[i] = "#" + line
		}
	}
	return "\n" + strings.Join(lines, "\n") + "\n"
}
