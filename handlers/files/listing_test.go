package files

import (
	"encoding/json"
	"slices"
	"testing"
)

// listed compares the names in a listing.
func listed(t *testing.T, s *testSite, path string, want ...string) {
	t.Helper()
	var got []string
	for _, e := range listingJSON(t, s, path).Entries {
		got = append(got, e.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: listed %q, want %q", path, got, want)
	}
}

type jsonListing struct {
	Path    string
	Entries []struct {
		Name, Type, Href, Modified string
		Size                       *int64
	}
	More *bool
}

func listingJSON(t *testing.T, s *testSite, path string) (l jsonListing) {
	t.Helper()
	r := s.get(path, "Accept", "application/json")
	if err := json.Unmarshal([]byte(r.body), &l); err != nil || r.status != 200 || r.field("Content-Type") != "application/json" {
		t.Fatalf("%s: %d %v %.200q: %v", path, r.status, r.header, r.body, err)
	}
	return l
}
