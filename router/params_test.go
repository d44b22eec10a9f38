package router

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

func TestParams(t *testing.T) {
	table := tableOf(t, "/a/{x}/{y...}", "/b/", "/c/{z}", "/d")
	var p Params
	table.Find("GET", "", "/a/1\x002/3\x004/5", &p)
	if p.Len() != 2 || p.Get("x") != "1/2" || p.Get("y") != "3/4/5" || p.Get("z") != "" {
		t.Errorf("%d: x=%q y=%q z=%q", p.Len(), p.Get("x"), p.Get("y"), p.Get("z"))
	}
	if p.Rest() != "3/4/5" || p.RawRest() != "3\x004/5" {
		t.Errorf("rest %q, raw %q", p.Rest(), p.RawRest())
	}
	table.Find("GET", "", "/b/x\x00y", &p)
	if p.Len() != 0 || p.Rest() != "x/y" {
		t.Errorf("a subtree: %d, %q", p.Len(), p.Rest())
	}
	table.Find("GET", "", "/c/x", &p)
	if name, value := p.At(0); p.Len() != 1 || name != "z" || value != "x" || p.Rest() != "" {
		t.Errorf("%d: %s=%q, rest %q", p.Len(), name, value, p.Rest())
	}
	p.Reset()
	if p.Len() != 0 || p.Get("z") != "" || p.Rest() != "" || p.path != "" {
		t.Errorf("after Reset: %+v", p)
	}
}

// TestParamsShareThePath: values are not copies.
func TestParamsShareThePath(t *testing.T) {
	table := tableOf(t, "/{x}")
	var p Params
	path := strings.Clone("/value")
	table.Find("GET", "", path, &p)
	if unsafe.StringData(p.Get("x")) != unsafe.StringData(path[1:]) {
		t.Error("the value is a copy")
	}
}

// TestManyWildcards is the limit of what Params holds without allocating, one past it, and a way
// back past it.
func TestManyWildcards(t *testing.T) {
	for n := inlineParams - 1; n <= inlineParams+3; n++ {
		var pattern, path strings.Builder
		for i := range n {
			fmt.Fprintf(&pattern, "/{p%d}", i)
			fmt.Fprintf(&path, "/%d", i)
		}
		// The second pattern goes all the way down before it fails.
		table := tableOf(t, pattern.String(), "/0"+pattern.String()[len("/{p0}"):]+"/end", "/{p}/")
		var p Params
		for range 2 { // the second time with what the first has left
			if v, res := table.Find("GET", "", path.String(), &p); v != pattern.String() {
				t.Fatalf("%d wildcards: %q, %v", n, v, res)
			}
			for i := range n {
				if got := p.Get(fmt.Sprintf("p%d", i)); got != fmt.Sprint(i) {
					t.Errorf("%d wildcards: the one with number %d is %q", n, i, got)
				}
			}
			v, _ := table.Find("GET", "", path.String()+"/x/y", &p)
			if v != "/{p}/" || p.Rest() != path.String()[3:]+"/x/y" {
				t.Errorf("%d wildcards: %q, rest %q", n, v, p.Rest())
			}
		}
	}
}
