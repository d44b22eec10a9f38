package files_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestLeaveOut: READMEs of listings, and compressed files beside others, can be left out.
func TestLeaveOut(t *testing.T) {
	tree := fstest.MapFS{
		"README":    {Data: []byte("read me")},
		"app.js":    {Data: []byte(strings.Repeat("x", 100))},
		"app.js.br": {Data: []byte("stored")},
	}
	for _, out := range []bool{false, true} {
		srv := &lwan.Server{}
		srv.Mount("/", files.Module.With(files.Config{
			FS: tree, List: true, NoReadme: out, NoStored: out, NoCompression: true,
		}))
		h := lwantest.Build(t, srv)
		page := lwantest.Get(t, h, "/").Body
		if shown := strings.Contains(page, "read me"); shown == out {
			t.Errorf("NoReadme is %v, and it is shown: %v", out, shown)
		}
		r := httptest.NewRequest("GET", "/app.js", nil)
		r.Header.Set("Accept-Encoding", "br")
		if got := lwantest.Do(t, h, r); (got.Body == "stored") == out {
			t.Errorf("NoStored is %v: %q", out, got.Body)
		}
	}
}
