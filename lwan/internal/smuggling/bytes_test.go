//go:build linux && !golwan_nethttp

package smuggling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
)

// reading is the requests in the bytes of a connection, found by looking at all of them at once: it
// knows nothing of buffers, of reading more, or of where one request's bytes end up when the next
// is read.
type reading struct {
	requests []string // METHOD target body
	status   int      // of what is no request, at the end
	broken   bool     // the last of requests has a body that is none
	open     bool     // the bytes end in the middle of something
	last     bool     // the last of requests ends the connection
	// which of requests expect 100: unless their handlers read the body, the connection ends behind
	// the answer
	waits []bool
}

func readAll(raw []byte) (r reading) {
	for {
		var h message.Head
		var resume http1.Resume
		verdict, err := http1.Parse(raw, &h, nil, &resume)
		switch verdict {
		case http1.More:
			r.open = len(raw) > 0
			return r
		case http1.Bad:
			r.status = err.Status
			return r
		}
		line := string(h.Method.Of(raw)) + " " + string(h.Target.Of(raw))
		r.last = !h.KeepAlive || h.Form == message.AuthorityForm
		raw = raw[h.Size:]
		body, rest, whole := content(raw, &h)
		r.requests = append(r.requests, strings.TrimSuffix(line+" "+body, " "))
		r.waits = append(r.waits, h.Expect100)
		if r.broken, r.open = !whole && rest != nil, !whole && rest == nil; !whole || r.last {
			return r
		}
		raw = rest
	}
}

// content cuts a body off raw. An incomplete body leaves nothing, a malformed one leaves all of
// raw.
func content(raw []byte, h *message.Head) (body string, rest []byte, whole bool) {
	if !h.Chunked {
		n := max(h.ContentLength, 0)
		if n > int64(len(raw)) {
			return "", nil, false
		}
		return string(raw[:n]), raw[n:], true
	}
	var c http1.Chunked
	for b := raw; ; {
		skip, data, done, err := c.Next(b)
		switch b = b[skip:]; {
		case err.Status != 0:
			return "", raw, false
		case done:
			return body, b, true
		case data == 0:
			return "", nil, false
		}
		body += string(b[:data])
		c.Advance(data)
		b = b[data:]
	}
}

// FuzzConnection sends any bytes, whole and in pieces: handlers see the requests that are in them,
// in the same way.
func FuzzConnection(f *testing.F) {
	srv, seen := probedServer()
	addr := serve(f, srv)
	for i, p := range probes() {
		if len(p.raw) < maxRaw {
			q := p.at("/read")
			f.Add([]byte(q.raw), uint64(i))
		}
	}
	// an answer before the body
	f.Add([]byte("0 / HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n000"),
		uint64(497))
	f.Fuzz(func(t *testing.T, raw []byte, seed uint64) {
		raw = raw[:min(len(raw), maxRaw)]
		want := readAll(raw)
		all := string(raw)
		if !want.open && !want.last {
			all += after
			if want.status == 0 && !want.broken {
				want.requests = append(want.requests, "GET /after")
			}
		}
		for how, pieces := range map[string][]string{
			"whole": {all}, "in pieces": pieces(all, seed),
		} {
			o := attack(t, addr, seen, pieces, want.open || want.last)
			if wrong := want.verdict(o); wrong != "" {
				t.Errorf("%s (%d), %s: %s\ngot  %v\nwant %+v", how, seed, wrong, all, o, want)
			}
		}
	})
}

// maxRaw keeps an execution short.
const maxRaw = 2_000

// pieces cuts at places that seed chooses.
func pieces(s string, seed uint64) (cut []string) {
	for len(s) > 0 {
		n := min(len(s), 1+int(seed>>60)*int(seed>>58&3))
		cut, s = append(cut, s[:n]), s[n:]
		seed = seed*6364136223846793005 + 1442695040888963407
	}
	return cut
}

// verdict is what is wrong about an outcome, or "".
func (r *reading) verdict(o *outcome) string {
	if n := len(o.answers); n > 0 && n <= len(r.waits) && r.waits[n-1] {
		r = &reading{requests: r.requests[:n]}
	}
	targets, texts := make([]string, len(r.requests)), make([]string, len(r.requests))
	for i, line := range r.requests {
		method, rest, _ := strings.Cut(line, " ")
		target, body, has := strings.Cut(rest, " ")
		targets[i] = method + " " + shown(target)
		if texts[i] = targets[i]; has { // its body is told as it came
			texts[i] += " " + body
		}
	}
	if !slices.Equal(o.seen, targets) {
		return "others were seen"
	}
	for i, a := range o.answers {
		if i == len(r.requests) {
			if r.status == 0 && !r.open || len(o.answers) > i+1 ||
				r.status != 0 && a != fmt.Sprint(r.status) {
				return "too many answers, or another one"
			}
			return ""
		}
		text, good := strings.CutPrefix(a, "200 ")
		last := i == len(r.requests)-1 && (r.broken || r.open)
		if good && !last && text != texts[i] && recited(r.requests[i]) {
			return fmt.Sprintf("answer %d is none to %q", i, r.requests[i])
		}
	}
	if len(o.answers) < len(r.requests) && !r.broken && !r.open ||
		r.status != 0 && len(o.answers) == len(r.requests) {
		return "answers are missing"
	}
	return ""
}

// recited reports whether a good answer says all of what was asked.
func recited(line string) bool {
	return !strings.HasPrefix(line, "HEAD ") && !strings.Contains(line, " /ignore") &&
		!strings.Contains(line, " /late")
}
