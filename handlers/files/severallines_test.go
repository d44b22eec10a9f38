package files

import (
	"strings"
	"testing"
)

// A list on several lines is one list (RFC 9110 section 5.3).
func TestListsOnSeveralLines(t *testing.T) {
	text := strings.Repeat("a long text ", 200)
	s := mounted(t, "/", Config{Dir: writeTree(t, map[string]string{"a.txt": text}), List: true})
	for _, tt := range []struct {
		target, name  string
		first, second string // lines of the request's field of that name
		field, want   string // of the answer
	}{
		{"/a.txt", "Accept-Encoding", "compress", "gzip", "Content-Encoding", "gzip"},
		{"/", "Accept", "text/html;q=0.5", "application/json", "Content-Type", "application/json"},
	} {
		got := s.get(tt.target, tt.name, tt.first, tt.name, tt.second)
		if v := got.field(tt.field); v != tt.want {
			t.Errorf("%s: %s is %q, want %q (%d)", tt.target, tt.field, v, tt.want, got.status)
		}
	}
}
