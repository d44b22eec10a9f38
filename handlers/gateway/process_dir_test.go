//go:build linux || darwin

package gateway

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestDeadDirectories: what a server that was killed has left is removed by the next one, and
// nothing else is.
func TestDeadDirectories(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	there := func(dir string) bool {
		_, err := os.Lstat(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}
	made := func() (string, *os.File) {
		dir, lock, err := makeDir()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lock.Close() }) // it may be closed
		return dir, lock
	}
	alive, _ := made()
	dead, lock := made()
	if err := os.WriteFile(filepath.Join(dead, "socket"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lock.Close() // as the system does it for a process that is killed
	young, open := filepath.Join(tmp, "golwan-1-1"), filepath.Join(tmp, "golwan-2-2")
	other, link := filepath.Join(tmp, "golwan-x"), filepath.Join(tmp, "golwan-3-3")
	for dir, mode := range map[string]os.FileMode{young: 0o700, open: 0o755, other: 0o700} {
		if err := os.Mkdir(dir, mode); err != nil {
			t.Fatal(err)
		}
		if dir != young { // that has not been locked yet
			if err := os.WriteFile(filepath.Join(dir, lockName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	last, _ := made()
	for _, dir := range []string{alive, last, young, open, other, link} {
		if !there(dir) {
			t.Errorf("%s was removed", dir)
		}
	}
	if there(dead) {
		t.Errorf("%s is still there", dead)
	}
}
