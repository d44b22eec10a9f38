//go:build linux && !golwan_nethttp

package smuggling_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSmuggling sends each probe to each path, whole and in pieces: the requests in it are seen as
// they are, and nothing else is.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	srv, seen := probedServer()
	addr := serve(t, srv)
	var sent, requests atomic.Int64
	eachProbe(probePaths, func(p *probe, at probePath) {
		for how, pieces := range ways(p.raw + after) {
			o := attack(t, addr, seen, pieces, p.open)
			if wrong := p.verdict(o, at); wrong != "" {
				t.Errorf("%s at %s, %s: %s\nsent %q\ngot  %v\nwant %q, then %d",
					p.name, at.path, how, wrong, p.raw, o, p.want, p.status)
			}
			sent.Add(1)
			requests.Add(int64(len(o.seen)))
		}
	})
	t.Logf("%d probes, sent %d times, %d requests seen",
		len(probes()), sent.Load(), requests.Load())
}

// verdict is what is wrong about an outcome, or "".
func (p *probe) verdict(o *outcome, at probePath) string {
	want, refusals := p.want, 0
	switch {
	case p.mayEnd(at) && len(o.seen) < len(want)+1 && len(o.answers) == len(o.seen):
		want = want[:min(len(o.seen), len(want))]
	case p.status == 0 && !p.faulty():
		want = append(slices.Clone(want), "GET /after")
	case p.status != 0:
		refusals = 1
	}
	for i, w := range want {
		if i >= len(o.seen) || !strings.HasPrefix(w+" ", o.seen[i]+" ") {
			return "others were seen"
		}
		lastWords := i == len(want)-1 && p.faulty()
		if !lastWords && !answersTo(o, i, w, at.reads || i > 0) {
			return fmt.Sprintf("answer %d is none to %q", i, w)
		}
	}
	switch {
	case len(o.seen) != len(want):
		return "more were seen"
	case len(o.answers) > len(want)+refusals, o.err != nil && !p.faulty():
		return "these are not their answers"
	case refusals > 0 &&
		(len(o.answers) == len(want) || o.answers[len(want)] != fmt.Sprint(p.status)):
		return fmt.Sprintf("want %d behind them", p.status)
	}
	return ""
}

// faulty probes have a body at their end that nobody can read.
func (p *probe) faulty() bool { return p.broken || p.open }

// mayEnd: where the answer is given before the body is read, nobody knows whether a client that
// waits sends that; and an answer of unknown length to HTTP/1.0 ends with the connection.
func (p *probe) mayEnd(at probePath) bool {
	return p.waits && (at.early || !at.reads) ||
		at.early && strings.Contains(p.raw, " HTTP/1.0\r\n")
}

// answersTo reports whether answer i is one to want, as far as it tells what was asked for.
func answersTo(o *outcome, i int, want string, withBody bool) bool {
	if i >= len(o.answers) {
		return false
	}
	text, ok := strings.CutPrefix(o.answers[i], "200 ")
	if !ok || strings.HasPrefix(want, "HEAD ") {
		return true
	}
	return text == want || !withBody && strings.HasPrefix(want+" ", text+" ")
}
