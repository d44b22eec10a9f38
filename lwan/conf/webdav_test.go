package conf

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWebDAVSection: read_only is the default, and what an at protects stays so, whatever the
// writing of the path.
func TestWebDAVSection(t *testing.T) {
	dir := tree(t)
	h := build(t, "site {\nwebdav /dav {\npath = "+dir+"\n}\nwebdav /rw {\npath = "+dir+
		"\nread_only = no\nmax_body = 1k\n}\nat /rw/admin {\naccess {\nall = deny\n}\n}\n}\n")
	for _, tt := range []struct {
		request string
		status  int
	}{
		{"GET /dav/a.txt a", 200},
		{"PROPFIND /dav a 192.0.2.1 Depth: 1", 207},
		{"DELETE /dav/a.txt a", 405},
		{"MKCOL /rw/new a", 201},
		{"DELETE /rw/admin a", 403},
		{"GET /rw/%61dmin/secret.txt a", 403},
		{"GET /rw//admin/secret.txt a", 403},
		{"GET /rw/x/../admin/secret.txt a", 403},
		{"GET /rw/admin%2fsecret.txt a", 403},
		{"GET /rw%2fadmin/secret.txt a", 403},
		{"DELETE /rw/a.txt a", 204},
	} {
		if r := ask(t, h, tt.request); r.Status != tt.status {
			t.Errorf("%s: %d %q, want %d", tt.request, r.Status, r.Body, tt.status)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "admin/secret.txt")); err != nil {
		t.Error(err)
	}
}
