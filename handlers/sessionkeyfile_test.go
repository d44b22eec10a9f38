package handlers_test

import (
	"os"
	"sync"
	"testing"

	"github.com/golwan/golwan/handlers"
)

// TestSessionKeyFile: what is there is kept, what is missing is made once, what is no key refused.
func TestSessionKeyFile(t *testing.T) {
	dir := t.TempDir()
	var keys [8]string
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := handlers.SessionKeyFile(dir + "/key")
			if err != nil || len(key) != 32 {
				t.Errorf("%d bytes, %v", len(key), err)
			}
			keys[i] = string(key)
		})
	}
	all.Wait()
	for _, key := range keys {
		if key != keys[0] {
			t.Fatal("two keys were made")
		}
	}
	if list, err := os.ReadDir(dir); len(list) != 1 || err != nil {
		t.Errorf("left in the folder: %v, %v", list, err)
	}
	if err := os.WriteFile(dir+"/short", []byte(keys[0][:31]), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/short", "", "/none/key"} {
		if key, err := handlers.SessionKeyFile(dir + name); err == nil || key != nil {
			t.Errorf("%q: %d bytes, no error", name, len(key))
		}
	}
}
