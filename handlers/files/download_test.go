package files

import (
	"testing"
	"testing/fstest"
)

func TestDownload(t *testing.T) {
	s := mounted(t, "/",
		Config{FS: fstest.MapFS{
			"x.pdf": {Data: []byte("p")}, "d/ü.txt": {Data: []byte("t")},
			"y.txt": {Data: []byte("t")},
		},
			Download: []string{"*.pdf", "d"}})
	for path, want := range map[string]string{
		"/x.pdf":        `attachment; filename="x.pdf"`,
		"/d/%C3%BC.txt": `attachment; filename="_.txt"; filename*=UTF-8''%C3%BC.txt`, "/y.txt": "",
	} {
		if r := s.get(path); r.status != 200 || r.field("Content-Disposition") != want {
			t.Errorf("%s: %d %v", path, r.status, r.header)
		}
	}
}
