package load

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

func ExampleParseWrk() {
	result, err := ParseWrk([]byte(`Running 1s test @ http://127.0.0.1:8080/
Requests/sec: 1000.00

summary requests=1000 micros=1000000 bytes=13000 connect=0 read=1 write=0 status=2 timeout=0 p50=100 p90=200 p99=300 p999=400 max=500
`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Rate(), result.Latency.P99, result.Errors.Err())
	// Output: 1000 300µs errors under load: connect 0, read 1, write 0, status 2, timeout 0
}

const goodSummary = "\nsummary requests=7 micros=2000000 bytes=99 connect=1 read=2 write=3 " +
	"status=4 timeout=5 p50=10 p90=20 p99=30 p999=40 max=50\n"

func TestParseWrk(t *testing.T) {
	got, err := ParseWrk([]byte("wrk's own\nsummary requests=1\n" + goodSummary))
	us := time.Microsecond
	want := Result{Requests: 7, Took: 2 * time.Second, Bytes: 99, Errors: Errors{1, 2, 3, 4, 5},
		Latency: Latency{P50: 10 * us, P90: 20 * us, P99: 30 * us, P999: 40 * us, Max: 50 * us}}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{
		"", "unable to connect to 127.0.0.1:1 Connection refused\n", "\nsummary ",
		strings.Replace(goodSummary, "bytes=99 ", "", 1),
		strings.Replace(goodSummary, "bytes=99", "bytes=-99", 1),
		strings.Replace(goodSummary, "bytes=99", "bytes=9.9", 1),
		strings.Replace(goodSummary, "bytes=99", "bytes", 1),
		strings.Replace(goodSummary, "bytes=99", "bytes=99 bytes=98", 1),
		strings.Replace(goodSummary, "bytes=99", "bytes=99 more=1", 1),
	} {
		if got, err := ParseWrk([]byte(bad)); err == nil || got != (Result{}) {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
	}
}

func FuzzParseWrk(f *testing.F) {
	f.Add([]byte(goodSummary))
	f.Add([]byte("\nsummary requests==1\n"))
	f.Fuzz(func(t *testing.T, output []byte) {
		r, err := ParseWrk(output)
		if err != nil && r != (Result{}) {
			t.Errorf("%q: a value and an error", output)
		}
		if r.Requests < 0 || r.Took < 0 || r.Latency.Max < 0 || r.Errors.Timeout < 0 {
			t.Errorf("%q: negative %+v", output, r)
		}
	})
}

const goodH2load = `starting benchmark...
progress: 100% done

finished in 2.00s, 96161.50 req/s, 11.92MB/s
requests: 192323 total, 192387 started, 192320 done, 192320 succeeded, 3 failed, 2 errored, 1 timeout
status codes: 192320 2xx, 0 3xx, 4 4xx, 1 5xx
traffic: 23.84MB (25001990) total, 15.77MB (16540466) headers (space savings 0.00%), 2.38MB (2500303) data
                     min         max         mean         sd        +/- sd
time for request:       19us      3.69ms       665us       378us    61.46%
time for connect:        5us       305us       166us        91us    54.69%
time to 1st byte:      765us      3.62ms      2.35ms       868us    60.94%
req/s           :    1481.68     1525.50     1502.23        9.47    68.75%
`

func TestParseH2load(t *testing.T) {
	got, err := ParseH2load([]byte(goodH2load))
	want := Result{Requests: 192320, Took: 2 * time.Second, Bytes: 25001990,
		Errors:  Errors{Read: 2, Timeout: 1, Status: 5},
		Latency: Latency{Max: 3690 * time.Microsecond}}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, line := range []string{"finished", "requests", "status", "traffic", "time for request"} {
		got, err := ParseH2load([]byte(strings.Replace(goodH2load, "\n"+line, "\nx", 1)))
		if err == nil {
			t.Errorf("without %s: %+v", line, got)
		}
	}
}

func FuzzParseH2load(f *testing.F) {
	f.Add([]byte(goodH2load))
	f.Fuzz(func(t *testing.T, output []byte) {
		if r, err := ParseH2load(output); err != nil && r != (Result{}) || r.Took < 0 {
			t.Errorf("%q: %+v, %v", output, r, err)
		}
	})
}

func TestChoose(t *testing.T) {
	for _, name := range []string{"own", "auto"} {
		if g, err := Choose(name, ""); err != nil || name == "own" && g.Name != name {
			t.Errorf("%s: %s, %v", name, g.Name, err)
		}
	}
	if _, err := Choose("siege", ""); err == nil {
		t.Error("an unknown generator was found")
	}
	t.Setenv("PATH", "/nonexistent")
	if g, err := Choose("auto", ""); err != nil || g.Name != "own" {
		t.Errorf("with nothing installed: %s, %v", g.Name, err)
	}
	if _, err := Choose("wrk", ""); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("wrk: %v", err)
	}
}

// recorder is a server that notes what it was asked.
type recorder struct {
	mu    sync.Mutex
	count map[string]int // guarded by mu
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	seen := fmt.Sprintf("%s %s %d %t %s", req.Method, req.URL.Path,
		req.ContentLength, req.Close, req.Header.Get("If-Modified-Since"))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count[seen]++
}

// TestGeneratorsSendWhatTheJobSays runs each installed program against a server that counts.
func TestGeneratorsSendWhatTheJobSays(t *testing.T) {
	routes := contract.Requests(contract.Routing)[:3]
	jobs := map[string]Job{
		"one":       {Requests: contract.Requests(contract.Hello)},
		"several":   {Requests: routes},
		"post":      {Requests: contract.Requests(contract.Post)},
		"reconnect": {Requests: contract.Requests(contract.Hello), Reconnect: true},
		"pipelined": {Requests: contract.Requests(contract.Hello), Pipeline: 16},
		"unchanged": {Requests: contract.Requests(contract.FileUnchanged)},
		"pipelined 3": {
			Requests: append(contract.Requests(contract.FileUnchanged), routes...), Pipeline: 2,
		},
		"pipelined 2": {Requests: append(contract.Requests(contract.Post), routes...), Pipeline: 6},
	}
	for _, name := range []string{"wrk", "h2load"} {
		g, err := Choose(name, t.TempDir())
		if errors.Is(err, exec.ErrNotFound) {
			t.Logf("%s is not installed", name)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for title, job := range jobs {
			if g.can(job) != nil {
				continue
			}
			t.Run(name+" "+title, func(t *testing.T) {
				t.Parallel()
				checkGenerator(t, g, job)
			})
		}
	}
}

func checkGenerator(t *testing.T, g Generator, job Job) {
	seen := &recorder{count: map[string]int{}}
	server := httptest.NewServer(seen)
	defer server.Close()
	job.Addr, job.Connections, job.Duration = server.Listener.Addr().String(), 2,
		300*time.Millisecond
	result, command, err := g.Run(t.Context(), job, proc.AnyCPU)
	if err != nil || result.Errors.Err() != nil || result.Took <= 0 ||
		result.Latency.Max <= 0 || command == "" {
		t.Fatalf("%+v, %v, command %s", result, err, command)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	var served int64
	for _, r := range job.Requests {
		since := ""
		for _, field := range r.Fields {
			since = field.Value
		}
		key := fmt.Sprintf("%s %s %d %t %s", r.Method, r.Target, len(r.Body), job.Reconnect, since)
		if seen.count[key] == 0 {
			t.Errorf("%q was never asked for, but %v", key, seen.count)
		}
		served += int64(seen.count[key])
		delete(seen.count, key)
	}
	if len(seen.count) > 0 {
		t.Errorf("asked for what is not in the job: %v", seen.count)
	}
	// What is under way at the end is served but not counted.
	if result.Requests == 0 || result.Requests > served {
		t.Errorf("%d requests reported, %d served", result.Requests, served)
	}
}

func TestOnlyOurOwnDoesWhatIsSpecial(t *testing.T) {
	for _, job := range []Job{{Steady: true}, {Bulk: true}, {Subscribers: 1}, {Rate: 1}} {
		job.Requests = contract.Requests(contract.Hello)
		if wrk("").can(job) == nil || h2load().can(job) == nil || own().can(job) != nil {
			t.Errorf("%+v", job)
		}
	}
	for _, feature := range []contract.Feature{
		contract.FileUnchanged, contract.FileGzip, contract.Post,
	} {
		job := (Job{Requests: contract.Requests(feature)})
		if h2load().can(job) == nil || wrk("").can(job) != nil {
			t.Errorf("%s: h2load can, or wrk cannot", feature)
		}
	}
}

func TestScriptsAreKept(t *testing.T) {
	dir := t.TempDir()
	script := WrkScript(Job{Requests: contract.Requests(contract.Hello)})
	for range 2 {
		name, err := saveScript(dir, script)
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(name); err != nil || string(kept) != script {
			t.Errorf("%s: %v", kept, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}
