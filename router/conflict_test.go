package router

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var inverse = map[relation]relation{same: same, wider: narrower, narrower: wider, apart: apart, crossing: crossing}

// TestCompare checks what a relation says against requests that either pattern matches.
func TestCompare(t *testing.T) {
	seen := map[relation]int{}
	for seed := range uint64(3000) {
		m := maker{rand.New(rand.NewPCG(seed, 5))}
		texts := [2]string{m.pattern(), m.pattern()}
		var pair [2]*pattern
		for i, text := range texts {
			p, err := parse(text, "")
			if err != nil {
				t.Fatal(err)
			}
			pair[i] = p
		}
		r := pair[0].compare(pair[1])
		if back := pair[1].compare(pair[0]); back != inverse[r] {
			t.Fatalf("%q: %d one way, %d the other", texts, r, back)
		}
		seen[r]++
		for i := range 40 {
			q := m.request(texts[i&1])
			path := decodePath(usable(q.raw))
			first, _, _ := pair[0].admits(path)
			second, _, _ := pair[1].admits(path)
			first, second = first && pair[0].admitsMethod(q.method), second && pair[1].admitsMethod(q.method)
			if first && second && r == apart || first && !second && (r == same || r == narrower) ||
				second && !first && (r == same || r == wider) {
				t.Fatalf("%q relate as %d, but %s %s is matched: %v, %v", texts, r, q.method, path, first, second)
			}
		}
	}
	for r := range inverse {
		if seen[r] == 0 {
			t.Errorf("no pair with relation %d was made", r)
		}
	}
}

// each lists the errors that Build has joined.
func each(err error) []error {
	if err == nil {
		return nil
	}
	return err.(interface{ Unwrap() []error }).Unwrap()
}

// TestConflicts compares the pairs that Build reports with what ServeMux says of each pair alone, and checks that the
// example given is one.
func TestConflicts(t *testing.T) {
	found := 0
	for seed := range uint64(300) {
		m := maker{rand.New(rand.NewPCG(seed, 6))}
		var table Table[int]
		var texts []string
		for i := range 12 {
			texts = append(texts, m.pattern())
			table.Add(texts[i], i, fmt.Sprint(i))
		}
		var got []string
		for _, err := range each(table.Build()) {
			var c *ConflictError
			if !errors.As(err, &c) {
				t.Fatal(err)
			}
			got = append(got, c.Source+" "+c.OtherSource)
			checkExample(t, c)
		}
		if want := conflictsInServeMux(texts); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %q: pairs %q, ServeMux has %q", seed, texts, got, want)
		}
		found += len(got)
	}
	if found < 500 {
		t.Errorf("only %d conflicts were made", found)
	}
}

// conflictsInServeMux asks about every pair. A pattern that repeats an earlier one is not compared with later ones.
func conflictsInServeMux(texts []string) []string {
	var pairs []string
	repeats := map[int]bool{}
	for i, p := range texts {
		for j, q := range texts[:i] {
			if repeats[j] {
				continue
			}
			o := newOracle()
			o.add(q)
			complaint := o.add(p)
			if complaint != "" {
				pairs = append(pairs, fmt.Sprint(i, " ", j))
			}
			if strings.Contains(complaint, "matches the same requests as") {
				repeats[i] = true
			}
		}
	}
	return pairs
}

func checkExample(t *testing.T, c *ConflictError) {
	t.Helper()
	method, target, _ := strings.Cut(c.Example, " ")
	host, path, _ := strings.Cut(target, "/")
	for _, text := range []string{c.Pattern, c.OtherPattern} {
		var p Params
		if _, res := tableOf(t, text).Find(method, host, decodePath("/"+path), &p); res.Kind != Found {
			t.Errorf("%v: but %q does not match that (%v)", c, text, res.Kind)
		}
	}
}
