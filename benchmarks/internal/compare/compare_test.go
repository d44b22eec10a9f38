package compare

import (
	"context"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// An Example that is compiled and not run: it takes a while.
func ExampleComparison_Run() {
	c := Comparison{
		Repository: "..", Base: "HEAD~1", Head: "HEAD", Bench: ".", Packages: []string{"./..."},
		Count: 6, Log: os.Stderr,
	}
	if err := c.Run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// repository makes one with two commits of a package whose benchmark reports another size in the
// second.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	run := func(args ...string) {
		_, err := proc.Run(t.Context(),
			proc.Command{Args: args, Dir: dir, CPU: proc.AnyCPU, Env: []string{
				"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@localhost", "GIT_COMMITTER_NAME=a",
				"GIT_COMMITTER_EMAIL=a@localhost"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const benchmark = "package small\n\nimport \"testing\"\n\nfunc BenchmarkMake(b *testing.B) " +
		"{\n\tfor b.Loop() {\n\t}\n\tb.ReportMetric(SIZE, \"size\")\n}\n"
	run("git", "init", "-q")
	write("go.mod", "module small\n\ngo 1.26\n")
	for _, size := range []string{"16", "1024"} {
		write("small_test.go", strings.Replace(benchmark, "SIZE", size, 1))
		run("git", "add", ".")
		run("git", "commit", "-q", "-m", size)
	}
	write("small_test.go", "this is being worked on")
	return dir
}

func comparison(dir string) Comparison {
	return Comparison{Repository: dir, Base: "HEAD~1", Head: "HEAD", Bench: "Make",
		Packages: []string{"./..."}, Count: 2, Time: "10x", Log: io.Discard,
		stat: []string{"sh", "-c", `for f; do echo "$f"; cat "${f#*=}"; done`, "stat"}}
}

func TestRun(t *testing.T) {
	dir := repository(t)
	t.Setenv("TMPDIR", t.TempDir())
	var out strings.Builder
	if err := comparison(dir).Run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	base, head, found := strings.Cut(out.String(), "HEAD=")
	if !found || !strings.HasPrefix(base, "HEAD~1=") {
		t.Fatalf("output:\n%s", &out)
	}
	for half, size := range map[string]string{base: " 16.00 size", head: " 1024 size"} {
		if strings.Count(half, size) != 2 {
			t.Errorf("no two lines with %s in\n%s", size, half)
		}
	}
	expectClean(t, dir)
}

// expectClean checks that the repository and the folder for temporary files are as they were.
func expectClean(t *testing.T, dir string) {
	t.Helper()
	if content, err := os.ReadFile(filepath.Join(dir, "small_test.go")); err != nil ||
		string(content) != "this is being worked on" {
		t.Errorf("the file that is being worked on: %q, %v", content, err)
	}
	trees, err := proc.Run(t.Context(), proc.Command{
		Args: []string{"git", "worktree", "list"}, Dir: dir, CPU: proc.AnyCPU,
	})
	if err != nil || strings.Count(string(trees), "\n") != 1 {
		t.Errorf("working trees:\n%s%v", trees, err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "golwan-compare-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunReportsWhatFails(t *testing.T) {
	dir := repository(t)
	t.Setenv("TMPDIR", t.TempDir())
	for want, change := range map[string]func(*Comparison){
		"is no commit":         func(c *Comparison) { c.Base = "no-such-branch" },
		"--upload-pack":        func(c *Comparison) { c.Head = "--upload-pack" },
		"error parsing regexp": func(c *Comparison) { c.Bench = "(" },
		"no such tool": func(c *Comparison) {
			c.stat = []string{"sh", "-c", "echo no such tool >&2; exit 1"}
		},
		"directory not found": func(c *Comparison) { c.Packages = []string{"./nothing"} },
	} {
		c := comparison(dir)
		change(&c)
		err := c.Run(t.Context(), io.Discard)
		if err == nil {
			t.Errorf("%s: no error", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		expectClean(t, dir)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := comparison(dir).Run(ctx, io.Discard); err == nil {
		t.Error("cancelled: no error")
	}
	expectClean(t, dir)
}
