package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/tuning"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// asMain makes this test binary the program itself.
const asMain = "GOLWAN_BENCHMARKS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" || len(os.Args) == 2 && os.Args[1] == load.DriveCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// small are the flags of a run that takes a moment.
func small(t *testing.T, duration string) (dir string, flags []string) {
	dir = t.TempDir()
	return dir,
		[]string{"hello", "-connections", "2", "-rounds", "1", "-contenders", "floor", "-duration",
			duration, "-warmup", "-1s", "-load", "own", "-unpinned", "-strace=false", "-out",
			filepath.Join(dir, "out"), "-bin", filepath.Join(dir, "bin")}
}

func TestRun(t *testing.T) {
	dir, args := small(t, "100ms")
	var out, log bytes.Buffer
	if err := command(t.Context(), args, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, want := range []string{"## hello-2", "| floor ", "not pinned"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if !strings.Contains(log.String(), "[1/1] hello-2, round 1, floor: ") {
		t.Errorf("progress:\n%s", &log)
	}
	for _, name := range []string{"report.md", "report.json", "results.csv", "hello-2-cpu_us.svg"} {
		found, err := filepath.Glob(filepath.Join(dir, "out", "*", name))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if err := command(t.Context(), []string{"-list"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hello ", "idle ", "nginx ", "floor "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestParse(t *testing.T) {
	args := strings.Fields("hello -rounds 7 json -connections 1,64 hello -cmd lwan=./lwan -url " +
		"lwan=http://{addr}/hello -contenders lwan,floor -server-cpu 2 -strace=false -load-cpu 3 " +
		"-idle 10")
	o, err := parse(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, w := range o.workloads {
		names = append(names, w.Name)
	}
	for _, c := range o.contenders {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"hello", "json", "lwan", "floor"}) ||
		!slices.Equal(o.sizes.Connections, []int{1, 64}) || o.rounds != 7 || o.serverCPU != 2 ||
		o.loadCPU != 3 || o.trace || o.sizes.Idle != 10 || !o.chosen {
		t.Errorf("%q, %+v", names, o)
	}
	got, want := (&options{args: []string{"hello", "-cmd", "x=sleep 1"}}).command(),
		"go run . hello -cmd 'x=sleep 1'"
	if got != want {
		t.Errorf("command %s, want %s", got, want)
	}
	o, err = parse([]string{"all"}, io.Discard)
	if err != nil || len(o.workloads) != len(workload.All()) || o.chosen || !o.trace ||
		o.serverCPU != 0 || o.loadCPU != 1 {
		t.Errorf("%v, %+v", err, o)
	}
}

func TestParseTargets(t *testing.T) {
	o, err := parse([]string{"targets", "-rounds", "5"}, io.Discard)
	if err != nil || o.preset != "targets" || o.chosen || len(o.workloads) != 0 ||
		len(o.contenders) != len(target.Contenders()) || o.rounds != 5 {
		t.Errorf("%+v, %v", o, err)
	}
	if cases := o.cases(); len(cases) == 0 || cases[0].Only == nil {
		t.Errorf("%+v", cases)
	}
	o, err = parse([]string{"targets", "-contenders", "golwan,nginx"}, io.Discard)
	if err != nil || !o.chosen || len(o.contenders) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestParseTuning(t *testing.T) {
	o, err := parse([]string{"tuning", "-rounds", "5", "-update"}, io.Discard)
	if err != nil || o.preset != "tuning" || len(o.contenders) != len(tuning.Contenders()) ||
		len(o.cases()) != len(tuning.Cases()) || !o.update {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestReports takes a run through all that is done with its report.
func TestReports(t *testing.T) {
	dir, args := small(t, "100ms")
	var out, log bytes.Buffer
	if err := command(t.Context(), args, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	found, err := filepath.Glob(filepath.Join(dir, "out", "*", "report.json"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	var shown, agreed bytes.Buffer
	if err := command(t.Context(), []string{"show", found[0]}, &shown, io.Discard); err != nil ||
		shown.String() != out.String() {
		t.Errorf("%v\n%s", err, &shown)
	}
	t.Chdir(dir)
	for _, text := range []string{
		"# No place\n", "<!-- begin results -->\n<!-- end results -->\n",
	} {
		// Without a page, and with one that has no place, nothing is measured.
		err := command(t.Context(), append(args, "-update"), io.Discard, io.Discard)
		if err == nil {
			t.Error("measured without a place to publish")
		}
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	update := []string{"show", "-update", filepath.Dir(found[0])}
	if err := command(t.Context(), update, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(page); err != nil ||
		!strings.Contains(string(text), "### hello-2") {
		t.Errorf("%s, %v", text, err)
	}
	if err := command(t.Context(), []string{"agree", found[0], filepath.Dir(found[0])}, &agreed,
		io.Discard); err != nil ||
		!strings.Contains(agreed.String(), "0 of 0 ratios agree, and 1 of 1 of the figures") {
		t.Errorf("%v\n%s", err, &agreed)
	}
	for _, line := range []string{
		"agree", "agree x", "agree x y", "show", "show x", "agree " + found[0] + " x",
	} {
		if err := command(t.Context(), strings.Fields(line), io.Discard, io.Discard); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, line := range []string{
		"", "teapot", "hello -contenders apache", "hello -connections 0",
		"hello -connections x", "hello -rounds 0",
		"hello -duration -1s", "hello -cmd x", "hello -cmd =x", "hello -cmd x=1 -cmd x=2",
		"hello -url x=http://{addr}/",
		"hello -cmd nginx=x", "hello -cmd x=1 -url x=ftp://{addr}/", "hello -nonsense",
		"targets hello", "targets -idle 5",
		"hello targets", "targets -connections 5", "targets -contenders apache",
		"targets -rounds 0", "hello -idle -1", "hello -rate -1", "hello -rate NaN", "tuning hello",
		"tuning -contenders golwan", "tuning -connections 3", "hello tuning",
	} {
		if o, err := parse(strings.Fields(line), io.Discard); err == nil {
			t.Errorf("%s: %+v", line, o)
		}
	}
	for _, line := range []string{
		"hello -server-cpu 1 -load-cpu 1", "hello -load siege -unpinned -out " + t.TempDir(),
	} {
		if err := command(t.Context(), strings.Fields(line), io.Discard, io.Discard); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

func TestParseCompare(t *testing.T) {
	c, err := parseCompare(
		strings.Fields("-bench Parse -count 3 -benchtime 10x -packages ./router,./cache HEAD~2"),
		io.Discard)
	if err != nil || c.Base != "HEAD~2" || c.Head != "HEAD" || c.Bench != "Parse" || c.Count != 3 ||
		c.Time != "10x" || !slices.Equal(c.Packages, []string{"./router", "./cache"}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, line := range []string{"", "a b c", "-count 0 a", "-nonsense a"} {
		if _, err := parseCompare(strings.Fields(line), io.Discard); err == nil {
			t.Errorf("%q: no error", line)
		}
	}
}

func TestInterrupted(t *testing.T) {
	dir, args := small(t, "1h")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		awaitServers(t, dir, true)
	}()
	var out bytes.Buffer
	if err := command(ctx, args, &out, io.Discard); err == nil || err.Error() != "interrupted" {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(out.String(), "The run was interrupted") {
		t.Errorf("report:\n%s", &out)
	}
	awaitServers(t, dir, false)
}

// TestServersEndWithTheProgram ends the program in the two ways that leave it no choice or little
// time.
func TestServersEndWithTheProgram(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		dir, args := small(t, "1h")
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), asMain+"=1", "TMPDIR="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		awaitServers(t, dir, true)
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Errorf("%v: ended well", signal)
		}
		awaitServers(t, dir, false)
	}
}

// awaitServers waits until a server that was built below dir runs, or until none does.
func awaitServers(t *testing.T, dir string, running bool) {
	for {
		found := false
		programs, err := filepath.Glob("/proc/[0-9]*/exe")
		if err != nil {
			t.Error(err)
			return
		}
		for _, program := range programs {
			// A process that has ended, or is another user's, has no name to read.
			name, err := os.Readlink(program)
			found = found ||
				err == nil && strings.HasPrefix(name, dir) && filepath.Base(name) == "floor"
		}
		if found == running {
			return
		}
		runtime.Gosched()
	}
}
