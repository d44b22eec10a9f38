package files

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golwan/golwan/lwan"
)

// A wrong configuration does not start, and names its field.
func TestConfigErrors(t *testing.T) {
	mem := fstest.MapFS{}
	for want, c := range map[string]Config{
		"neither Dir nor FS":      {},
		"both Dir and FS":         {Dir: ".", FS: mem},
		"Dir: open":               {Dir: filepath.Join(t.TempDir(), "none")},
		"Index":                   {FS: mem, Index: []string{"a/b"}},
		"Index: \"..\"":           {FS: mem, Index: []string{".."}},
		"Reroute":                 {FS: mem, Reroute: "x"},
		"Reroute and Fallback":    {FS: mem, Reroute: "/x", Fallback: "index.html"},
		"Fallback":                {FS: mem, Fallback: "../x"},
		"Fallback: \".\"":         {FS: mem, Fallback: "."},
		"Exclude":                 {FS: mem, Exclude: []string{"["}},
		"Download":                {FS: mem, Download: []string{""}},
		"Cache":                   {FS: mem, Cache: map[string]string{"a//b": "x"}},
		"Expires":                 {FS: mem, Expires: map[string]time.Duration{"[": 1}},
		"Types: \"md\"":           {FS: mem, Types: map[string]string{"md": "text/x"}},
		"Types: \".tar.gz\"":      {FS: mem, Types: map[string]string{".tar.gz": "text/x"}},
		"Entries is negative":     {FS: mem, Entries: -1},
		"Symlinks is 7":           {FS: mem, Symlinks: 7},
		"Page is set and List is": {FS: mem, Page: builtinPage},
	} {
		srv := &lwan.Server{}
		srv.Mount("/x", Module.With(c))
		if _, err := srv.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	got := Config{}.withDefaults()
	if got.TTL != 5*time.Second || got.ErrorTTL != time.Second || got.SmallFile != 16<<10 ||
		got.MemoryBytes != 64<<20 || got.MaxRanges != 16 || got.Entries < 16 ||
		got.Entries > 4096 || len(got.Index) != 1 {
		t.Errorf("%+v", got)
	}
	got = Config{
		TTL: -1, ErrorTTL: -1, SmallFile: -1, MemoryBytes: -1, MaxRanges: -1, Entries: 20,
		Index: []string{},
	}.withDefaults()
	if got.TTL != 0 || got.ErrorTTL != 0 || got.SmallFile != 0 || got.MemoryBytes != 0 ||
		got.MaxRanges != 0 || got.Entries > 20 || len(got.Index) != 0 {
		t.Errorf("%+v", got)
	}
}

// A configuration file mounts it by name.
func TestMountNamed(t *testing.T) {
	dir := writeTree(t, someFiles)
	srv := &lwan.Server{Loops: 1}
	srv.Register(Module)
	srv.MountNamed("/x", "files", func(into any) error {
		c, ok := into.(*Config)
		if !ok {
			return errors.New("not a Config")
		}
		c.Dir = dir
		return nil
	})
	started(t, srv).want("/x/a.txt", 200, "hello")
}

func TestFailureOf(t *testing.T) {
	pathErr := func(err error) error { return &fs.PathError{Op: "open", Path: "x", Err: err} }
	for _, tt := range []struct {
		err    error
		status int
	}{
		{pathErr(fs.ErrNotExist), 404}, {pathErr(fs.ErrPermission), 403}, {errIrregular, 404},
		{errLink, 404}, {errOutside, 404}, {errChanging, 503}, {errReplaced, 503},
		{pathErr(errBroken), 500}, {fs.ErrInvalid, 404}, {errForbidden, 403},
	} {
		var coder interface{ StatusCode() int }
		err := failureOf("x", tt.err)
		if !errors.As(err, &coder) || coder.StatusCode() != tt.status {
			t.Errorf("%v: %v, want %d", tt.err, err, tt.status)
		}
	}
	for _, err := range exhausted {
		got := failureOf("x", pathErr(err))
		if !errors.Is(got, err) || !strings.Contains(got.Error(), "Service Unavailable") {
			t.Error(got)
		}
	}
	for _, err := range unnamable {
		if got := failureOf("x", pathErr(err)); got != error(errNotFound) {
			t.Error(got)
		}
	}
}
