package conf

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// TestLogReopenedUnderLoad: while a log is renamed and opened again, and again, each line is
// written once, whole, into one of its files, and those of a writer stay in order.
func TestLogReopenedUnderLoad(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open has no other name there")
	}
	const writers, lines, files = 8, 1000, 40
	dir := t.TempDir()
	l, err := openLog(filepath.Join(dir, "log"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range lines {
				if _, err := fmt.Fprintf(l, "writer %d line %d.\n", w, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range files {
		if err := os.Rename(l.name, fmt.Sprintf("%s.%02d", l.name, i)); err != nil {
			t.Fatal(err)
		}
		if err := l.reopen(); err != nil {
			t.Fatal(err)
		}
	}
	writing.Wait()
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	var next [writers]int
	names, err := filepath.Glob(l.name + ".*")
	if err != nil || len(names) != files {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for _, name := range append(names, l.name) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			var w, i int
			if _, err := fmt.Sscanf(s.Text(), "writer %d line %d.", &w, &i); err != nil ||
				i != next[w] || s.Text() != fmt.Sprintf("writer %d line %d.", w, i) {
				t.Fatalf("%s: %q, %v", name, s.Text(), err)
			}
			next[w]++
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("writer %d: %d lines of %d", w, n, lines)
		}
	}
}
