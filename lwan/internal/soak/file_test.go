//go:build linux && !golwan_nethttp

package soak_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// soakFiles are the files that TestSoak asks for, with the seeds of their contents. Those up to 16
// KiB are answered from memory, the others by sendfile.
var soakFiles = map[string]int{
	"empty.bin": 0, "small.bin": 5000, "large.bin": 300_000, "huge.bin": 3_000_000,
}

func soakContent(name string) []byte { return soakBytes(uint64(len(name)), soakFiles[name]) }

// soakTree writes them, with a time long ago: a file that has just changed is not sent as it lies.
func soakTree(t *testing.T, dir string) {
	t.Helper()
	old := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for name := range soakFiles {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, soakContent(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

func pickFile(r *rand.Rand, small bool) string {
	if small {
		return []string{"empty.bin", "small.bin"}[r.IntN(2)]
	}
	return []string{"empty.bin", "small.bin", "small.bin", "large.bin", "large.bin",
		"huge.bin"}[r.IntN(6)]
}

func askFile(r *rand.Rand, small bool) *soakAsk {
	name := pickFile(r, small)
	a := newAsk(r, "file", []string{"GET", "GET", "HEAD"}[r.IntN(3)], "/files/"+name)
	a.body, a.waits, a.opens = soakContent(name), true, true
	return a
}

func askRange(r *rand.Rand, small bool) *soakAsk {
	name := []string{"small.bin", "large.bin"}[r.IntN(2)]
	if small {
		name = "small.bin"
	}
	all := soakContent(name)
	from := r.IntN(len(all))
	to := from + r.IntN(len(all)-from)
	a := newAsk(r, "range", "GET", "/files/"+name, fmt.Sprintf("Range: bytes=%d-%d", from, to))
	a.status, a.body, a.waits, a.opens = 206, all[from:to+1], true, true
	a.fields = map[string]string{"Content-Range": fmt.Sprintf("bytes %d-%d/%d", from, to, len(all))}
	return a
}

func askUnchanged(r *rand.Rand, small bool) *soakAsk {
	a := newAsk(r, "unchanged", "GET", "/files/"+pickFile(r, false),
		"If-Modified-Since: Thu, 02 Jan 2020 03:04:05 GMT")
	a.status, a.waits, a.opens = 304, true, true
	return a
}
