package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const line = "4242 (a (b) c) S 17 4242 4242 0 -1 4194304 100 0 0 0 1200 345 6 7 " +
		"20 0 3 0 999 1 2 3\n"
	got, err := ParseStat([]byte(line))
	want := Stat{PID: 4242, Parent: 17, User: 12 * time.Second, System: 3450 * time.Millisecond,
		Reaped: 130 * time.Millisecond, Threads: 3}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got.CPU() != 15580*time.Millisecond {
		t.Errorf("CPU %v", got.CPU())
	}
	for _, bad := range []string{
		"", "12", "12 (x", "x (y) S 1", "1 (y) S 1 2 3", strings.Replace(line, "1200", "1x", 1),
		")12(",
	} {
		if got, err := ParseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v and no error", bad, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte(") 1 ("))
	f.Fuzz(func(t *testing.T, content []byte) {
		if s, err := ParseStat(content); err != nil && s != (Stat{}) {
			t.Errorf("%q: a value and an error", content)
		}
	})
}

func TestParseResident(t *testing.T) {
	const head = "00400000-7ffe [rollup]\n"
	for _, c := range []struct {
		in   string
		want int64
	}{
		{head + "Rss:                2048 kB\nPss:  7 kB\n", 2 << 20},
		{head + "Pss: 7 kB\nRss: 1 kB\n", 1024},
		{head + "Pss: 7 kB\n", -1},
		{head + "Rss: x kB\n", -1},
		{head + "Rss: 7\n", -1},
		{head + "Rss: -7 kB\n", -1},
		{head + "Rss: 99999999999999999999 kB\n", -1},
		{"", -1},
	} {
		got, err := ParseResident([]byte(c.in))
		if (err != nil) != (c.want < 0) || err == nil && got != c.want {
			t.Errorf("%q: %d, %v, want %d", c.in, got, err, c.want)
		}
	}
}

func FuzzParseResident(f *testing.F) {
	f.Add([]byte("00400000-7ffe [rollup]\nRss:                2048 kB\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if n, err := ParseResident(content); n < 0 || err != nil && n != 0 {
			t.Errorf("%q: %d, %v", content, n, err)
		}
	})
}

func TestDescendants(t *testing.T) {
	all := []Stat{{PID: 5, Parent: 3}, {PID: 3, Parent: 2}, {PID: 2, Parent: 1},
		{PID: 4, Parent: 2}, {PID: 9, Parent: 1}, {PID: 7, Parent: 8}, {PID: 8, Parent: 7}}
	for root, want := range map[int][]int{2: {2, 3, 4, 5}, 9: {9}, 6: nil, 7: {7, 8}} {
		var got []int
		for _, s := range Descendants(all, root) {
			got = append(got, s.PID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("below %d: %v, want %v", root, got, want)
		}
	}
}

func TestCommandString(t *testing.T) {
	for want, c := range map[string]Command{
		"taskset -c 1 wrk -t 1": {Args: []string{"wrk", "-t", "1"}, CPU: 1},
		"sh -c 'echo it'\\''s $x' ''": {
			Args: []string{"sh", "-c", "echo it's $x", ""}, CPU: AnyCPU,
		},
		"taskset -c 0 lwan -l '[::1]'": {
			Args: []string{"lwan", "-l", "[::1]"}, CPU: 0,
		},
		"env A=1 'B=x y' z": {
			Args: []string{"z"}, Env: []string{"A=1", "B=x y"}, CPU: AnyCPU,
		},
		`drive <<< '{"n":1}'`: {
			Args: []string{"drive"}, Stdin: `{"n":1}`, CPU: AnyCPU,
		},
		"drive # with 5000 bytes on its standard input": {
			Args: []string{"drive"}, Stdin: strings.Repeat("x", 5000), CPU: AnyCPU,
		},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestUsageCountsChildren runs a shell whose child does the work, as nginx's worker does.
func TestUsageCountsChildren(t *testing.T) {
	p, err := Start(Command{Args: []string{"sh", "-c", "(while :; do :; done) & wait"}, CPU: 0})
	if err != nil {
		t.Fatal(err)
	}
	var usage Usage
	for usage.CPU < 3*tick {
		if usage, err = p.Usage(); err != nil {
			t.Fatal(err)
		}
	}
	if usage.Processes != 2 || usage.Threads != 2 || usage.Resident < 64<<10 {
		t.Errorf("%+v", usage)
	}
	pids, err := p.PIDs()
	if err != nil || len(pids) != 2 || pids[0] != p.PID() {
		t.Fatalf("PIDs %v, %v", pids, err)
	}
	// The shell dies of SIGTERM and its child would burn on: end it by its id.
	child, err := os.FindProcess(pids[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(child.Kill(), p.Stop()); err != nil {
		t.Error(err)
	}
	if _, err := p.Usage(); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("usage after the end: %v", err)
	}
}

func TestStartPins(t *testing.T) {
	before := allowed(t, "self")
	output, err := Run(t.Context(), Command{
		Args: []string{"grep", "Cpus_allowed_list", "/proc/self/status"}, CPU: 0,
	})
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(output)), "\t0") {
		t.Errorf("child: %q, %v", output, err)
	}
	if after := allowed(t, "self"); after != before {
		t.Errorf("this process: %s before, %s after", before, after)
	}
	if _, err := Run(t.Context(), Command{Args: []string{"true"}, CPU: 1000}); err == nil {
		t.Error("no error for a CPU that is not there")
	}
}

func allowed(t *testing.T, pid string) string {
	t.Helper()
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "Cpus_allowed_list:")
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}

func TestRun(t *testing.T) {
	output, err := Run(t.Context(), Command{
		Args: []string{"sh", "-c", "echo $GREETING"}, CPU: AnyCPU, Env: []string{"GREETING=hi"},
	})
	if string(output) != "hi\n" || err != nil {
		t.Errorf("%q, %v", output, err)
	}
	output, err = Run(t.Context(), Command{Args: []string{"cat"}, CPU: AnyCPU, Stdin: "all of it"})
	if string(output) != "all of it" || err != nil {
		t.Errorf("%q, %v", output, err)
	}
	_, err = Run(t.Context(), Command{
		Args: []string{"sh", "-c", "echo why >&2; exit 3"}, CPU: AnyCPU,
	})
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(err.Error(), "why") {
		t.Errorf("failure: %v", err)
	}
}

// TestRunKillsDescendants has a shell whose child would outlive it by hours.
func TestRunKillsDescendants(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "pid")
	child := 0
	go func() {
		defer cancel()
		for child == 0 {
			content, err := os.ReadFile(file)
			if err == nil && strings.HasSuffix(string(content), "\n") {
				child, _ = strconv.Atoi(strings.TrimSpace(string(content)))
			}
			runtime.Gosched()
		}
	}()
	_, err := Run(ctx, Command{
		Args: []string{"sh", "-c", "sleep 7200 & echo $! > " + file + "; wait"}, CPU: AnyCPU,
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for alive(t, child) {
		runtime.Gosched()
	}
}

// alive is false for a process that has ended, waited for or not.
func alive(t *testing.T, pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if gone(err) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return !strings.Contains(string(stat), ") Z ")
}

func TestStartReportsWhatIsMissing(t *testing.T) {
	_, err := Start(Command{Args: []string{"/nonexistent/program"}, CPU: 0})
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestStopOfWhatHasEnded(t *testing.T) {
	p, err := Start(Command{Args: []string{"echo", "bye"}, CPU: AnyCPU})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	if err := p.Stop(); err != nil || p.Output() != "bye\n" {
		t.Errorf("%v, %q", err, p.Output())
	}
}

func TestTail(t *testing.T) {
	var tl tail
	for range 100 {
		if _, err := tl.Write([]byte(strings.Repeat("x", 100))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tl.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if got := tl.String(); len(got) != tailSize || !strings.HasSuffix(got, "xend") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-8:])
	}
}

// TestChooseCongestion: what was set is put back.
func TestChooseCongestion(t *testing.T) {
	before, err := Congestion()
	if err != nil {
		t.Skip("skipped: ", err)
	}
	other := map[string]string{"reno": "cubic"}[before]
	if other == "" {
		other = "reno"
	}
	restore, err := ChooseCongestion(other)
	if err != nil {
		t.Skip("skipped: it may not be set here: ", err)
	}
	if now, err := Congestion(); now != other || err != nil {
		t.Errorf("%q %v", now, err)
	}
	if err := restore(); err != nil {
		t.Error(err)
	}
	if now, err := Congestion(); now != before || err != nil {
		t.Errorf("%q %v, was %q", now, err, before)
	}
}
