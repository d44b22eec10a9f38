package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Downloads that were broken off are taken up again by the programs that people use.
func TestResume(t *testing.T) {
	files := map[string]string{
		"large.bin": strings.Repeat(largeText, 5),
		"small.css": strings.Repeat("a { color: red }\n", 500),
	}
	dir := writeTree(t, files)
	s := mounted(t, "/", Config{Dir: dir})
	for _, tt := range []struct {
		program string
		args    []string
	}{
		{"curl", []string{"-fsS", "-C", "-", "-o", "OUT", "URL"}},
		{"curl", []string{"-fsS", "--http1.0", "-C", "-", "-o", "OUT", "URL"}},
		{"curl", []string{"-fsS", "--compressed", "-o", "OUT", "URL"}},
		{"curl", []string{"-fsS", "-z", "Sat, 01 Jan 2000 00:00:00 GMT", "-o", "OUT", "URL"}},
		{"wget", []string{"-q", "-c", "-O", "OUT", "URL"}},
		{"wget", []string{"-q", "-N", "-P", "DIR", "URL"}},
	} {
		program, err := exec.LookPath(tt.program)
		if err != nil {
			t.Logf("skipped: %v", err)
			continue
		}
		for name, content := range files {
			at := filepath.Join(t.TempDir(), name)
			write(t, at, content[:len(content)/3])
			if tt.args[1] == "-N" { // only what is newer than what is there
				if err := os.Remove(at); err != nil {
					t.Fatal(err)
				}
			}
			fill := strings.NewReplacer("OUT", at, "URL", s.URL+"/"+name, "DIR", filepath.Dir(at))
			var args []string
			for _, a := range tt.args {
				args = append(args, fill.Replace(a))
			}
			if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
				t.Errorf("%s %q: %v: %s", tt.program, args, err, out)
				continue
			}
			if got, err := os.ReadFile(at); err != nil || string(got) != content {
				t.Errorf("%s %q: %d bytes, want %d, %v",
					tt.program, args, len(got), len(content), err)
			}
		}
	}
}
