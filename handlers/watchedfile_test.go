package handlers

import (
	"os"
	"testing"
	"time"
)

// TestWatchedFileLooksAlike: a file that has changed is read again, also where its size and time
// are what they were: written twice within a step of the clock, or another one that is renamed
// over it.
func TestWatchedFileLooksAlike(t *testing.T) {
	name := fileOf(t, "one")
	read := 0
	f := &watchedFile[string]{name: name, most: 10, parse: func(text []byte) (string, error) {
		read++
		return string(text), nil
	}}
	if err := f.load(); err != nil {
		t.Fatal(err)
	}
	look := func(want string, times int) {
		t.Helper()
		f.look.Store(0)
		f.refresh()
		if got := f.last(); got != want || read != times {
			t.Errorf("%q, read %d times, want %q, %d times", got, read, want, times)
		}
	}
	put := func(name, text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	fi, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	put(name, "two", fi.ModTime())
	look("two", 2)
	old := time.Now().Add(-time.Hour)
	put(name, "old", old)
	look("old", 3)
	put(name+".new", "new", old)
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	look("new", 4)
	put(name, "new", time.Now())
	look("new", 4) // the same text is not parsed again
}
