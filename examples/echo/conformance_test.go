package main

import (
	"sync"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// differs lists the cases that are answered in another way on purpose, each with the rule that says
// so.
var differs = map[string]string{
	"llhttp: Content-Length reset when no body is received": "123 bytes of content were " +
		"announced, and are waited for: RFC 9112 section 6.3",
	"llhttp: CRLF between requests, implicit `keep-alive`": "the first of the requests is whole " +
		"and is answered: RFC 9112 section 9.3.2; the case counts the second",
	"llhttp: Should parse multiple events": "two of the requests are whole and are " +
		"answered: RFC 9112 section 9.3.2; the case counts the third",
	"llhttp: Disallow UTF-8 in URI path in strict mode": "taken as if it were percent-encoded, " +
		"as lighttpd's case and clients in use want it; RFC 9112 section 3.2 says SHOULD",
	"llhttp: SOURCE request with ICE":    "ICE is not HTTP: RFC 9112 section 2.3",
	"llhttp: OPTIONS request with RTSP":  "RTSP is not HTTP: RFC 9112 section 2.3",
	"llhttp: ANNOUNCE request with RTSP": "RTSP is not HTTP: RFC 9112 section 2.3",
	"llhttp: No HTTP version":            "each request line names a version: RFC 9112 section 3",
	"llhttp: `host:port` and basic auth": "user information from an untrusted source " +
		"is an error: RFC 9110 section 4.2.4",
}

// TestConformance serves the example and sends it the raw requests of other servers' test suites.
func TestConformance(t *testing.T) {
	for _, corpus := range []struct {
		name, file  string
		cases, good int // good: at least so many of cases as expected
		judge       judge
	}{
		{"lighttpd", "lighttpd_request_cases.json", 128, 128, lighttpdJudge},
		{"llhttp", "llhttp_cases.json", 134, 125, llhttpJudge},
		{"h1spec", "h1spec_cases.json", 33, 33, h1specJudge},
	} {
		t.Run(corpus.name, func(t *testing.T) {
			cases := readCorpus(t, corpus.file)
			good := judgeAll(t, corpus.name, cases, corpus.judge)
			t.Logf("%d of %d as expected", good, len(cases))
			if len(cases) != corpus.cases || good < corpus.good {
				t.Errorf("%d of %d cases are as expected, want %d of %d",
					good, len(cases), corpus.good, corpus.cases)
			}
		})
	}
}

// judgeAll judges the cases of a corpus and returns how many are as expected. It talks about all at
// the same time, because silence takes its time.
func judgeAll(t *testing.T, corpus string, cases []rawCase, j judge) (good int) {
	srv := &lwan.Server{Loops: 2}
	srv.Handle("/", echo)
	addr := lwantest.Start(t, srv).Addrs()[0].String()
	exchanges := make([]*exchange, len(cases))
	var all sync.WaitGroup
	for i := range cases {
		all.Go(func() {
			c := &cases[i]
			_, listed := differs[corpus+": "+c.Name]
			exchanges[i] = converse(addr, c, j.enough, j.patience(c, listed))
		})
	}
	all.Wait()
	for i := range cases {
		t.Run(cases[i].Name, func(t *testing.T) {
			if judgeCase(t, corpus+": "+cases[i].Name, &cases[i], exchanges[i], j) {
				good++
			}
		})
	}
	return good
}

// judgeCase reports whether the case is as expected, and fails the test if that is not what the
// list of differences says.
func judgeCase(t *testing.T, name string, c *rawCase, ex *exchange, j judge) bool {
	reason, listed := differs[name]
	right := j.right(c, ex)
	switch {
	case ex.end == endBroken:
		t.Errorf("%v, after %v\nsent %q", ex.err, ex.answers, c.Request)
	case right && listed:
		t.Errorf("is as expected, and listed as different: %s", reason)
	case !right && !listed:
		t.Errorf("is not as expected\nsent %q\ngot  %v, then %v", c.Request, ex.answers, ex.end)
	}
	return right
}
