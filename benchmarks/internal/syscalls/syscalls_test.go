package syscalls

import (
	"errors"
	"fmt"
	"log"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.10    0.001100           1      1000           write
 38.90    0.000700           0      2000       500 read
  0.00    0.000000           0         3         1 epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.001800           0      3003       501 total
`

func ExampleParse() {
	calls, err := Parse([]byte(table))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(calls.Total(), calls["read"])
	// Output: 3003 2000
}

func TestParse(t *testing.T) {
	got, err := Parse([]byte("strace: Process 7 attached\n" + table + table))
	want := (Calls{"write": 2000, "read": 4000, "epoll_wait": 6})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{
		"",
		"strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted\n",
		" 61.10    0.001100           1      x           write\n",
		" 61.10    0.001100           1      -1           write\n",
	} {
		if got, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(table))
	f.Fuzz(func(t *testing.T, in []byte) {
		calls, err := Parse(in)
		if (err == nil) != (len(calls) > 0) {
			t.Errorf("%q: %v, %v", in, calls, err)
		}
		for name, n := range calls {
			if n < 0 || name == "" || name == "total" {
				t.Errorf("%q: %s %d", in, name, n)
			}
		}
	})
}

// TestCount traces a shell that writes a line for each line it reads.
func TestCount(t *testing.T) {
	if !Installed() {
		t.Skip("strace is not installed")
	}
	pid, ask := echo(t)
	calls, err := Count(t.Context(), []int{pid}, func() error {
		for range 100 {
			ask()
		}
		return nil
	})
	if err != nil && strings.Contains(err.Error(), "Operation not permitted") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if calls["write"] != 100 || calls["read"] < 100 || calls.Total() < 200 {
		t.Errorf("%v", calls)
	}
	failed := errors.New("load failed")
	_, err = Count(t.Context(), []int{pid}, func() error { return failed })
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}

// echo starts a shell and returns its id, and a function that sends it a line and waits for the
// answer.
func echo(t *testing.T) (pid int, ask func()) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "while read line; do echo $line; done")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Log(err)
		}
	})
	buf := make([]byte, 16)
	return cmd.Process.Pid, func() {
		if _, err := in.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCountOfNoProcess(t *testing.T) {
	if !Installed() {
		t.Skip("strace is not installed")
	}
	p, err := proc.Start(proc.Command{Args: []string{"true"}, CPU: proc.AnyCPU})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	_, err = Count(t.Context(), []int{p.PID()}, func() error { return nil })
	if err == nil {
		t.Error("no error for a process that has ended")
	}
}
