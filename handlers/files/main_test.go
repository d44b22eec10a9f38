package files

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain fails if the tests leave files open. Goroutines are looked at by lwantest, after each
// test.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := openFiles(""); code == 0 && len(left) > 0 {
		fmt.Println("left open:", left)
		code = 1
	}
	os.Exit(code)
}

// openFiles lists the descriptors of files of tests, those below dir; "": below the directory for
// temporary ones.
func openFiles(dir string) (names []string) {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil // a system without /proc
	}
	if dir == "" {
		dir = os.TempDir() + "/Test"
	}
	for _, e := range list {
		name, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && strings.HasPrefix(name, dir) {
			names = append(names, name)
		}
	}
	return names
}
