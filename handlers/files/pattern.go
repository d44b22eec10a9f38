package files

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A pattern chooses files by their path inside the tree. Its segments are those of path.Match:
//
//	*.map       a name, anywhere in the tree
//	/robots.txt a path from the root
//	assets/*    a path from the root, too: there is a slash inside
//
// A pattern that fits a directory fits everything below it, so "assets/*" also stands for
// assets/js/app.js.
type pattern struct {
	segments []string
	rooted   bool // from the root; else the one segment may be anywhere
}

func compilePattern(text string) (pattern, error) {
	trimmed := strings.TrimSuffix(strings.TrimPrefix(text, "/"), "/")
	p := pattern{
		segments: strings.Split(trimmed, "/"),
		rooted:   strings.Contains(strings.TrimSuffix(text, "/"), "/"),
	}
	for _, s := range p.segments {
		if _, err := path.Match(s, ""); err != nil || s == "" {
			return pattern{}, fmt.Errorf("%q is no pattern", text)
		}
	}
	return p, nil
}

func compilePatterns(texts []string) (list []pattern, err error) {
	for _, text := range texts {
		p, err := compilePattern(text)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// matches reports whether p fits the file name, "." for the root of the tree.
func (p pattern) matches(name string) bool {
	if !p.rooted {
		for segment := range strings.SplitSeq(name, "/") {
			if ok, _ := path.Match(p.segments[0], segment); ok { // the pattern was checked
				return true
			}
		}
		return false
	}
	for i, want := range p.segments {
		segment, rest, more := strings.Cut(name, "/")
		if ok, _ := path.Match(want, segment); !ok || (!more && i < len(p.segments)-1) {
			return false
		}
		name = rest
	}
	return true
}

func anyMatches(list []pattern, name string) bool {
	return slices.ContainsFunc(list, func(p pattern) bool { return p.matches(name) })
}

// rules have a value for each pattern, the most specific first: the one with more segments, then
// the longer one, then the one that is rooted.
type rules[T any] []rule[T]

type rule[T any] struct {
	pattern
	text  string
	value T
}

func compileRules[T any](values map[string]T) (rules[T], error) {
	var list rules[T]
	for text, value := range values {
		p, err := compilePattern(text)
		if err != nil {
			return nil, err
		}
		list = append(list, rule[T]{p, text, value})
	}
	slices.SortFunc(list, func(a, b rule[T]) int {
		return cmp.Or(len(b.segments)-len(a.segments), len(b.text)-len(a.text),
			strings.Compare(a.text, b.text))
	})
	return list, nil
}

// find returns the value for a file.
func (r rules[T]) find(name string) (value T, ok bool) {
	for i := range r {
		if r[i].matches(name) {
			return r[i].value, true
		}
	}
	return value, false
}
