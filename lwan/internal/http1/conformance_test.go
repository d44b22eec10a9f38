package http1

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Raw requests of the test suites of other servers, with what those make of them. The collection is
// not part of this project: it is looked for in $GOLWAN_CONFORMANCE, then in a folder "conformance"
// beside the folders above this one.

// rawCase is one case of any of the three files; each uses its own fields for what is expected.
type rawCase struct {
	Name    string
	Request []byte `json:"request_base64"`

	// lighttpd: 0 is any answer that finds no fault with the framing
	ExpectStatus int      `json:"expect_status"`
	Accept       []string // lighttpd: what a conforming server may answer instead

	Verdict  string // llhttp: accept, reject, incomplete, answer-then-close, upgrade
	Messages int

	ExpectRanges [][2]int `json:"expect_ranges"` // h1spec: [-1,-1] is no answer yet
	ExpectBody   string   `json:"expect_body"`
}

// differs lists the cases that are answered differently on purpose, each with the rule that says
// so.
var differs = map[string]string{
	"llhttp: CRLF between requests, implicit `keep-alive`": "the first request is answered, as " +
		"RFC 9112 section 9.3.2 allows; the case counts answers to the unfinished second",
	"llhttp: Content-Length reset when no body is received": "123 bytes of content were " +
		"announced and are waited for: RFC 9112 section 6.3",
	"llhttp: Disallow UTF-8 in URI path in strict mode": "taken as if it were percent-encoded, " +
		"as lighttpd's case and clients in use want it; RFC 9112 section 3.2 says SHOULD",
	"llhttp: Should parse multiple events": "the two complete requests are answered; the case " +
		"counts the third",
	"llhttp: SOURCE request with ICE":    "not HTTP: RFC 9112 section 2.3",
	"llhttp: OPTIONS request with RTSP":  "not HTTP: RFC 9112 section 2.3",
	"llhttp: ANNOUNCE request with RTSP": "not HTTP: RFC 9112 section 2.3",
	"llhttp: No HTTP version": "HTTP/0.9 is not spoken: RFC 9112 section 3 has a " +
		"version in every request line",
	"llhttp: `host:port` and basic auth": "user information is treated as an error: RFC 9110 " +
		"section 4.2.4",
}

func TestConformance(t *testing.T) {
	for _, suite := range []struct {
		name, file  string
		cases, good int
		judge       func(*rawCase, *conversation) bool
	}{
		{"lighttpd", "lighttpd_request_cases.json", 128, 128, judgeLighttpd},
		{"llhttp", "llhttp_cases.json", 134, 125, judgeLlhttp},
		{"h1spec", "h1spec_cases.json", 33, 33, judgeH1spec},
	} {
		t.Run(suite.name, func(t *testing.T) {
			cases, good := readCases(t, suite.file), 0
			for i := range cases {
				c := &cases[i]
				name := suite.name + ": " + c.Name
				talk := converse(c.Request)
				ok := suite.judge(c, talk)
				if _, listed := differs[name]; ok == listed {
					t.Errorf("%q: as expected is %v, listed as different is %v\nsent "+
						"%q\nanswered %v, then waiting is %v",
						name, ok, listed, c.Request, talk.statuses, talk.waits)
				}
				if ok {
					good++
				}
			}
			t.Logf("%d of %d as expected", good, len(cases))
			if len(cases) == suite.cases && good < suite.good {
				t.Errorf("%d of %d as expected, want %d", good, len(cases), suite.good)
			}
		})
	}
}

func readCases(t *testing.T, file string) (cases []rawCase) {
	t.Helper()
	path := filepath.Join(conformanceDir(t), file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Skip("skipped, no cases: ", err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(path, ": ", err)
	}
	if len(cases) == 0 {
		t.Fatal(path, ": no cases in it")
	}
	return cases
}

func conformanceDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("GOLWAN_CONFORMANCE"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		found, err := filepath.Glob(filepath.Join(parent, "*", "conformance", "h1spec_cases.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return filepath.Dir(found[0])
		}
	}
	t.Skip("skipped: no folder conformance, and GOLWAN_CONFORMANCE is not set")
	return ""
}

// conversation is what the least server there can be makes of a connection: it answers 200 with the
// body as its content, 501 to a method that nobody has heard of, and the status of the Error to
// what is refused.
type conversation struct {
	statuses []int
	bodies   []byte
	waits    bool // for more bytes; else the connection is closed
}

func converse(in []byte) *conversation {
	talk := &conversation{}
	for {
		size, keep := talk.answer(in)
		if !keep {
			return talk
		}
		in = in[size:]
	}
}

// answer takes one request off in.
func (talk *conversation) answer(in []byte) (size int, keep bool) {
	var h message.Head
	var r Resume
	switch verdict, err := Parse(in, &h, nil, &r); {
	case verdict == More:
		talk.waits = true
		return 0, false
	case verdict == Bad:
		return 0, talk.refuse(err.Status)
	case !message.Registered(h.Method.Of(in)):
		return 0, talk.refuse(501)
	}
	body, size, err, ok := content(&h, in)
	switch {
	case err.Status != 0:
		return 0, talk.refuse(err.Status)
	case !ok:
		talk.waits = true
		return 0, false
	}
	talk.bodies = append(talk.bodies, body...)
	talk.statuses = append(talk.statuses, 200)
	return size, h.KeepAlive
}

func (talk *conversation) refuse(status int) bool {
	talk.statuses = append(talk.statuses, status)
	return false
}

// content is the body of the request at the start of in, and how much of in the two take. ok is
// false if it is cut.
func content(h *message.Head, in []byte) (body []byte, size int, err message.Error, ok bool) {
	if !h.Chunked {
		size = h.Size + int(max(h.ContentLength, 0))
		if size > len(in) {
			return nil, 0, message.Error{}, false
		}
		return in[h.Size:size], size, message.Error{}, true
	}
	var c Chunked
	for size = h.Size; ; {
		skip, data, done, err := c.Next(in[size:])
		size += skip
		if done || err.Status != 0 {
			return body, size, err, done
		}
		if data == 0 {
			return nil, 0, message.Error{}, false
		}
		body = append(body, in[size:size+data]...)
		c.Advance(data)
		size += data
	}
}

// framingFaults are the statuses that say that a message could not be understood.
var framingFaults = []int{400, 405, 408, 411, 413, 414, 417, 426, 431, 501, 505}

func first(statuses []int) int {
	if len(statuses) == 0 {
		return 0
	}
	return statuses[0]
}

func judgeLighttpd(c *rawCase, talk *conversation) bool {
	status := first(talk.statuses)
	ok := status == c.ExpectStatus
	if c.ExpectStatus == 0 {
		ok = status != 0 && !slices.Contains(framingFaults, status)
	}
	for _, pattern := range c.Accept {
		switch {
		case pattern == "close":
			ok = ok || status == 0 && !talk.waits
		case status != 0:
			text := strconv.Itoa(status)
			ok = ok || pattern == text || pattern[1:] == "xx" && pattern[0] == text[0]
		}
	}
	return ok
}

func judgeLlhttp(c *rawCase, talk *conversation) bool {
	n := len(talk.statuses)
	refused := n > 0 && slices.Contains(framingFaults, talk.statuses[n-1]) || n == 0 && !talk.waits
	switch c.Verdict {
	case "reject":
		return refused
	case "incomplete":
		return refused || n < max(1, c.Messages) && talk.waits
	}
	harmless := []int{405, 417, 426, 501} // a refusal of what was asked for, not of how
	return n > 0 &&
		(!slices.Contains(framingFaults, talk.statuses[0]) ||
			slices.Contains(harmless, talk.statuses[0]))
}

func judgeH1spec(c *rawCase, talk *conversation) bool {
	status := first(talk.statuses)
	if status == 0 {
		status = -1
	}
	in := slices.ContainsFunc(c.ExpectRanges, func(r [2]int) bool {
		return r[0] <= status && status <= r[1]
	})
	return in && (c.ExpectBody == "" || status != 200 || string(talk.bodies) == c.ExpectBody)
}
