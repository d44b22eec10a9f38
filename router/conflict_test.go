package router

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var inverse = map[relation]relation{
	same: same, wider: narrower, narrower: wider, apart: apart, crossing: crossing,
}

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
			first, second = first && pair[0].admitsMethod(q.method),
				second && pair[1].admitsMethod(q.method)
			if first && second && r == apart || first && !second && (r == same || r == narrower) ||
				second && !first && (r == same || r == wider) {
				t.Fatalf("%q relate as %d, but %s %s is matched: %v, %v",
					texts, r, q.method, path, first, second)
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

// TestConflicts compares the pairs that Build reports with what ServeMux says of each pair alone,
// and checks that the example given is one.
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

// conflictsInServeMux asks about every pair. A pattern that repeats an earlier one is not compared
// with later ones.
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

// TestConflictsAreBounded: one mistake can make millions of conflicts, of which a few are enough.
func TestConflictsAreBounded(t *testing.T) {
	for name, made := range map[string]struct {
		patterns []string
		listed   int
		more     bool
	}{
		"crossing":    {crossing4096(), maxConflicts, true},
		"any segment": {everyWildcard(12), maxConflicts, true},
		"the same":    {slices.Repeat([]string{"/a/{x}"}, 4096), maxConflicts, true},
		"as many":     {slices.Repeat([]string{"/a/{x}"}, maxConflicts+1), maxConflicts, false},
		"one more":    {slices.Repeat([]string{"/a/{x}"}, maxConflicts+2), maxConflicts, true},
	} {
		t.Run(name, func(t *testing.T) {
			var table Table[int]
			for i, p := range made.patterns {
				table.Add(p, i, fmt.Sprint("f.go:", i))
			}
			err := table.Build()
			errs := each(err)
			if more := errors.Is(err, ErrMoreConflicts); more != made.more {
				t.Fatalf("ErrMoreConflicts: %v", more)
			}
			if made.more {
				errs = errs[:len(errs)-1]
			}
			if len(errs) != made.listed {
				t.Fatalf("%d conflicts are listed", len(errs))
			}
			for _, err := range errs {
				checkExample(t, err.(*ConflictError))
			}
			if text := err.Error(); len(text) > 64<<10 {
				t.Errorf("a report of %d bytes", len(text))
			}
		})
	}
}

// crossing4096 has half of its patterns in conflict with each of the other half.
func crossing4096() (list []string) {
	for i := range 2048 {
		list = append(list, fmt.Sprintf("/a%d/{x}", i), fmt.Sprintf("/{x}/b%d", i))
	}
	return list
}

// everyWildcard has all patterns of n segments that are a literal or a wildcard each.
func everyWildcard(n int) (list []string) {
	for set := range 1 << n {
		var b strings.Builder
		for i := range n {
			if set>>i&1 == 0 {
				b.WriteString("/a")
			} else {
				fmt.Fprintf(&b, "/{x%d}", i)
			}
		}
		list = append(list, b.String())
	}
	return list
}

// TestBuildOfManyThatOverlap: patterns that overlap without a conflict, in numbers at which
// comparing each with each does not end.
func TestBuildOfManyThatOverlap(t *testing.T) {
	t.Parallel()
	var nested, methods, ends []string
	for i := range 3000 {
		nested = append(nested, strings.Repeat("/a", i+1)+"/")
		methods = append(methods, fmt.Sprintf("M%d /a/{x}", i), fmt.Sprintf("N%d /{x}/a", i))
	}
	for i, p := range everyWildcard(10) {
		ends = append(ends, fmt.Sprint(p, "/", i))
	}
	for name, patterns := range map[string][]string{
		"nested": nested, "methods": methods, "ends": ends,
	} {
		t.Run(name, func(t *testing.T) {
			var table Table[int]
			for i, p := range patterns {
				table.Add(p, i, "")
			}
			done := make(chan error)
			go func() { done <- table.Build() }()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("Build does not end")
			}
		})
	}
}

func checkExample(t *testing.T, c *ConflictError) {
	t.Helper()
	method, target, _ := strings.Cut(c.Example, " ")
	host, path, _ := strings.Cut(target, "/")
	for _, text := range []string{c.Pattern, c.OtherPattern} {
		var p Params
		_, res := tableOf(t, text).Find(method, host, decodePath("/"+path), &p)
		if res.Kind != Found {
			t.Errorf("%v: but %q does not match that (%v)", c, text, res.Kind)
		}
	}
}
