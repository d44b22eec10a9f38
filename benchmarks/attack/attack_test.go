package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// TestMain makes this test binary hold connections when it is started for that.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == holdCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// short are the options of attacks that take a moment.
func short(t *testing.T, mode string) *options {
	t.Helper()
	if err := proc.RaiseFileLimit(); err != nil {
		t.Fatal(err)
	}
	return &options{mode: mode, servers: []string{us}, connections: 50,
		duration: 300 * time.Millisecond, interval: 30 * time.Millisecond,
		gather: 50 * time.Millisecond, settle: 50 * time.Millisecond, quiet: 50 * time.Millisecond,
		memory: 40, own: true, bin: t.TempDir()}
}

// attacked runs attacks on golwan, which has to repel them.
func attacked(t *testing.T, o *options, attacks []attack) {
	t.Helper()
	programs, err := o.prepare(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			r, err := o.try(t.Context(), a, programs[0])
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("probes %s, %s; %d connections; %.1f MiB, %.1f before; %s", &r.probes.fresh,
				&r.probes.kept, r.connections, mib(r.peaks.resident), mib(r.before), r.outcome)
			if err := r.verdict(); err != nil {
				t.Error(err)
			}
			if r.peaks.resident < r.before/2 || r.outcome == "" {
				t.Errorf("nothing was measured: %+v", r)
			}
		})
	}
}

func TestSlowAttacksAreRepelled(t *testing.T) {
	o := short(t, "slow")
	var own []attack
	for _, a := range slowAttacks(o) {
		if strings.HasPrefix(a.name, "own: ") {
			own = append(own, a)
		}
	}
	if len(own) != len(slowKinds()) {
		t.Fatalf("%d attacks of our own", len(own))
	}
	attacked(t, o, own)
}

func TestSlowhttptestIsRepelled(t *testing.T) {
	if _, err := exec.LookPath(slowTester); err != nil {
		t.Skip("slowhttptest is not installed")
	}
	o := short(t, "slow")
	o.duration = 2 * time.Second // it counts in seconds
	all := testerAttacks(o)
	if len(all) != 4 {
		t.Fatalf("%d modes", len(all))
	}
	attacked(t, o, all[:2])
}

func TestFloodsAreRepelled(t *testing.T) {
	o := short(t, "flood")
	o.memory = 80
	attacked(t, o, floods())
}

// TestVerdict shows what an attack that was not repelled looks like.
func TestVerdict(t *testing.T) {
	served := func() *probes {
		p := &probes{}
		p.fresh.record(time.Now(), nil)
		p.kept.record(time.Now(), nil)
		return p
	}
	failed := served()
	failed.kept.record(time.Now(), errors.New("no answer"))
	for name, c := range map[string]struct {
		row  row
		want string // in the error; "": none
	}{
		"repelled": {
			row{
				server: us, probes: served(), before: 10 << 20,
				peaks: peaks{resident: 50 << 20}, bar: promised,
			}, "",
		},
		"a request failed": {row{server: us, probes: failed},
			"1 of 2 requests failed: no answer"},
		"nothing was asked": {row{server: us, probes: &probes{}}, "nothing was asked"},
		"memory": {
			row{
				server: us, probes: served(), before: 10 << 20,
				peaks: peaks{resident: 50<<20 + 1}, bar: promised,
			}, "memory has grown",
		},
		"another one failed": {row{server: "nginx", probes: failed}, ""},
	} {
		err := c.row.verdict()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestBars: each attack has a bar with a reason, the bar of slowhttptest's attacks is the promised
// one, and a bar of the command line comes first.
func TestBars(t *testing.T) {
	o := &options{connections: 4000, own: true}
	for _, a := range append(slowAttacks(o), floods()...) {
		if a.bar.bytes < spared || a.bar.bytes > 80<<20 || a.bar.why == "" {
			t.Errorf("%s: %+v", a.name, a.bar)
		}
		if strings.HasPrefix(a.name, slowTester) && a.bar.bytes != 40<<20 {
			t.Errorf("%s: %+v", a.name, a.bar)
		}
		if got := (&options{memory: 7}).over(a.bar).bytes; got != 7<<20 {
			t.Errorf("%s: %d bytes in spite of the command line", a.name, got)
		}
	}
	if got := perConnection(4000, heldWaiting).bytes; got != 8<<20+40_960_000 {
		t.Errorf("%d bytes for 4000 that wait", got)
	}
}

func TestPhasesAreJudged(t *testing.T) {
	phases := func(change func(p []phase)) []phase {
		all := make([]phase, 4)
		for i, n := range []int{0, 750, 1100, 0} {
			p := &probes{}
			p.fresh.record(time.Now(), nil)
			p.kept.record(time.Now(), nil)
			all[i] = phase{asked: n, descriptors: 14 + min(n, 980), probes: p}
		}
		change(all)
		return all
	}
	for name, c := range map[string]struct {
		change func(p []phase)
		want   string
	}{
		"all is well": {func([]phase) {}, ""},
		"nobody is let in": {
			func(p []phase) { p[2].probes.fresh.record(time.Now(), errors.New("refused")) },
			"1 of 2 requests failed",
		},
		"it is not idle":        {func(p []phase) { p[1].idle = 1 }, "when nothing happens"},
		"it holds nothing":      {func(p []phase) { p[1].descriptors = 20 }, "only 20 descriptors"},
		"it gives nothing back": {func(p []phase) { p[3].descriptors = 500 }, "in use after it"},
	} {
		err := judgePhases(1000, phases(c.change))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestProbeSeesFailures has a server that answers, then answers wrongly, then closes.
func TestProbeSeesFailures(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	answers := make(chan string)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // closed: the test is over
			}
			if _, err := conn.Read(make([]byte, 4096)); err == nil {
				io.WriteString(conn, <-answers)
			}
			conn.Close()
		}
	}()
	const right = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n" +
		"Hello, world!"
	var p probed
	for _, answer := range []string{
		right, strings.Replace(right, "world", "there", 1),
		strings.Replace(right, "200", "503", 1), "",
	} {
		go func() { answers <- answer }()
		p.record(time.Now(), askOnce(ln.Addr().String(), contract.Requests(contract.Hello)[0]))
	}
	if p.answered != 1 || p.failed != 3 || p.err() == nil {
		t.Errorf("%+v", p)
	}
}

func TestTesterSays(t *testing.T) {
	out := "\x1b[1mslow HTTP test status on 5th second:\n\nconnected:   \x1b[1;32m        " +
		"20\nclosed:              1\nservice available:   \x1b[32mNO\n" +
		"connected:           4000\nerror:               0\nclosed:              0\nservice " +
		"available:   YES\n"
	got, err := testerSays(out)
	if err != nil || got != "4000 connected, 0 closed, available: YES" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := testerSays("usage"); err == nil {
		t.Error("no error for something else")
	}
}

func TestParse(t *testing.T) {
	for args, want := range map[string]bool{
		"slow": true, "flood -duration 3s": true, "descriptors -limit 1000": true,
		"slow -servers golwan -only ranges": true, "": false, "-only x": false, "quick": false,
		"slow fast": false, "slow -connections 0": false, "slow -memory x": false,
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		if (err == nil) != want {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestCommand runs the command as a user would.
func TestCommand(t *testing.T) {
	args := []string{"slow", "-servers", us, "-connections", "20", "-duration", "200ms",
		"-interval", "20ms", "-only", "heads that", "-bin", t.TempDir()}
	var out bytes.Buffer
	err := command(context.Background(), args, strings.NewReader(""), &out, io.Discard)
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"load average", "own: heads that do not end  golwan", "opened"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	err = command(t.Context(), append(args, "-memory", "0", "-only", "nothing like that"),
		strings.NewReader(""), io.Discard, io.Discard)
	if err == nil {
		t.Error("no error without an attack")
	}
}

// TestDescriptorsComeBack takes most of a small server's descriptors, and all of them.
func TestDescriptorsComeBack(t *testing.T) {
	o := short(t, "descriptors")
	o.limit = 150
	var out bytes.Buffer
	err := o.descriptors(t.Context(), &out, io.Discard)
	t.Logf("%s", &out)
	if err != nil {
		t.Error(err)
	}
}
