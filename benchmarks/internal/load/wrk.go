package load

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// timeout is how long an answer may take.
const timeout = 5 * time.Second

// wrk is https://github.com/wg/wrk. It measures whole seconds only: a duration is rounded up.
func wrk(scripts string) Generator {
	return Generator{Name: "wrk", program: "wrk", can: wrkCan, parse: ParseWrk,
		command: func(job Job) (proc.Command, error) {
			script, err := saveScript(scripts, WrkScript(job))
			return wrkCommand(job, script), err
		}}
}

func wrkCan(job Job) error {
	if job.special() {
		return errors.New(
			"wrk counts from its start on, copies what it reads, and knows no streams")
	}
	return nil
}

func wrkCommand(job Job, script string) proc.Command {
	return proc.Command{Args: []string{"wrk", "-t", "1", "-c", strconv.Itoa(job.Connections), "-d",
		job.wholeSeconds() + "s",
		"--timeout", strconv.Itoa(int(timeout.Seconds())) + "s", "-s", script,
		"http://" + job.Addr + job.Requests[0].Target}}
}

// saveScript writes a script under a name made from its content, which the same jobs share.
func saveScript(dir, script string) (string, error) {
	sum := fnv.New32a()
	sum.Write([]byte(script)) // a hash takes everything
	name := filepath.Join(dir, fmt.Sprintf("wrk-%08x.lua", sum.Sum32()))
	return name, os.WriteFile(name, []byte(script), 0o644)
}

// WrkScript is the Lua program for a job. Its summary line has what ParseWrk needs, exactly, where
// wrk's own output is rounded for people. With several requests, or with pipelining, the bytes to
// be sent are prepared once, so that the load costs no more than with one.
func WrkScript(job Job) string {
	var b strings.Builder
	if job.Reconnect {
		b.WriteString("wrk.headers['Connection'] = 'close'\n")
	}
	if len(job.Requests) == 1 && job.depth() == 1 {
		writeOnly(&b, job)
	} else {
		writePrepared(&b, job)
	}
	b.WriteString(wrkSummary)
	return b.String()
}

// writeOnly sets the fields of the one request, which wrk then prepares by itself.
func writeOnly(b *strings.Builder, job Job) {
	only := job.Requests[0]
	fmt.Fprintf(b, "wrk.method = %s\n", lua(only.Method))
	for _, field := range only.Fields {
		fmt.Fprintf(b, "wrk.headers[%s] = %s\n", lua(field.Name), lua(field.Value))
	}
	if only.Body != "" {
		fmt.Fprintf(b, "wrk.headers['Content-Type'] = 'application/octet-stream'\nwrk.body = %s\n",
			lua(only.Body))
	}
}

// writePrepared makes a table of batches. The first batch begins with the first request, the second
// one where the first has stopped, until a batch would begin with the first request again.
func writePrepared(b *strings.Builder, job Job) {
	b.WriteString("local batches, turn = {}, 0\ninit = function()\n  local one = {}\n")
	for _, r := range job.Requests {
		body, kind := "nil", "nil"
		if r.Body != "" {
			body, kind = lua(r.Body), "'application/octet-stream'"
		}
		fmt.Fprintf(b, "  wrk.headers['Content-Type'] = %s\n", kind)
		for _, field := range r.Fields {
			fmt.Fprintf(b, "  wrk.headers[%s] = %s\n", lua(field.Name), lua(field.Value))
		}
		fmt.Fprintf(b, "  one[#one + 1] = wrk.format(%s, %s, nil, %s)\n",
			lua(r.Method), lua(r.Target), body)
		for _, field := range r.Fields {
			fmt.Fprintf(b, "  wrk.headers[%s] = nil\n", lua(field.Name))
		}
	}
	fmt.Fprintf(b, `  local depth, at = %d, 0
  repeat
    local batch = {}
    for i = 1, depth do
      batch[i] = one[at + 1]
      at = (at + 1) %% #one
    end
    batches[#batches + 1] = table.concat(batch)
  until at == 0
end
request = function()
  turn = turn %% #batches + 1
  return batches[turn]
end
`, job.depth())
}

const wrkSummary = `done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    "\nsummary requests=%d micros=%d bytes=%d connect=%d read=%d write=%d status=%d timeout=%d " ..
    "p50=%d p90=%d p99=%d p999=%d max=%d\n",
    summary.requests, summary.duration, summary.bytes,
    e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max))
end
`

// lua quotes a string for Lua, whose escapes for bytes are decimal.
func lua(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\%03d", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
