package files

import (
	"net/http"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
)

// The value moves with the clock, and is made once a second.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &expiry{after: time.Hour}
		for range 5 {
			at, err := http.ParseTime(e.text())
			if err != nil || at.Unix() != time.Now().Add(time.Hour).Unix() {
				t.Errorf("%v at %v: %v", at, time.Now(), err)
			}
			time.Sleep(700 * time.Millisecond)
		}
		if n := testing.AllocsPerRun(100, func() { e.text() }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestCacheFields(t *testing.T) {
	s := mounted(t, "/", Config{
		FS: fstest.MapFS{
			"index.html": {Data: []byte("i")}, "assets/a.js": {Data: []byte("a")},
			"assets/x/b.js": {Data: []byte("b")},
		},
		Cache: map[string]string{
			"assets/*": "public, max-age=31536000, immutable", "*": "no-cache",
		},
		Expires: map[string]time.Duration{"assets/x": time.Hour},
	})
	for path, want := range map[string]string{
		"/": "no-cache", "/assets/a.js": "public, max-age=31536000, immutable",
		"/assets/x/b.js": "public, max-age=31536000, immutable",
	} {
		r := s.get(path)
		if r.field("Cache-Control") != want {
			t.Errorf("%s: %v", path, r.header)
		}
		at, err := http.ParseTime(r.field("Expires"))
		expires := path == "/assets/x/b.js"
		if expires != (err == nil) || expires && time.Until(at) > time.Hour {
			t.Errorf("%s: Expires %q", path, r.field("Expires"))
		}
		n := s.get(path, "If-None-Match", r.field("ETag"))
		if n.status != 304 || n.field("Cache-Control") != want ||
			(n.field("Expires") == "") != (r.field("Expires") == "") {
			t.Errorf("%s: %d %v", path, n.status, n.header)
		}
	}
}
