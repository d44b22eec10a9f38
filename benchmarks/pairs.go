package main

import (
	"fmt"
	"strings"
)

// pairs is a flag that may be given several times, each with name=value.
type pairs []pair

type pair struct{ name, value string }

// String is for the flag package.
func (p *pairs) String() string { return fmt.Sprint([]pair(*p)) }

// Set adds a pair; a name may be set once.
func (p *pairs) Set(s string) error {
	name, value, found := strings.Cut(s, "=")
	if !found || name == "" || value == "" {
		return fmt.Errorf("%q is not of the form name=value", s)
	}
	if p.get(name) != "" {
		return fmt.Errorf("%s is set twice", name)
	}
	*p = append(*p, pair{name, value})
	return nil
}

// get is the value of a name, or "".
func (p pairs) get(name string) string {
	for _, one := range p {
		if one.name == name {
			return one.value
		}
	}
	return ""
}
