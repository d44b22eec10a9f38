//go:build linux

package smuggling_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// Request smuggling: bytes that a proxy takes for one request and the server behind it for two. The
// probes are those of probes_test.go and lines_test.go. Here each is sent to the server itself,
// with a request behind it as a proxy would send one of another client on the same connection:
//
//	| what the attacker sends ...... | GET /after |
//	| requests | what is no request  |            |   the connection is closed: /after is not seen
//	| requests ..................... | request    |   or both are in step: /after is answered
//
// Behind real proxies they are sent in proxies_test.go.

const after = "GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// probePaths are what can become of a body. Requests of all of them are seen.
var probePaths = []probePath{
	{path: "/read", reads: true},
	{path: "/blocking", reads: true},
	{path: "/late", reads: true, early: true},
	{path: "/from-http", reads: true},
	{path: "/ignore"},
	{path: "/none"},
	{path: "/put-only"},
}

type probePath struct {
	path  string
	reads bool // the handler reads all of the body
	early bool // but answers first
}

// sightings are the requests that a server has seen, by the address of the client.
type sightings struct {
	mu sync.Mutex
	by map[string][]string
}

// watch notes requests before anything is made of them.
func (s *sightings) watch(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		s.add(req.RemoteAddr().String(), req.Method()+" "+req.Target())
		return next(req, resp)
	}
}

func (s *sightings) add(client, request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[client] = append(s.by[client], request)
}

// take returns what a client was seen to ask for, and forgets it: another one will have the
// address.
func (s *sightings) take(client string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer delete(s.by, client)
	return s.by[client]
}

// probedServer has the paths, and answers with what was asked.
func probedServer() (srv *lwan.Server, seen *sightings) {
	seen = &sightings{by: map[string][]string{}}
	srv = &lwan.Server{}
	srv.Use(seen.watch)
	srv.Handle("/", recite)
	srv.Handle("/blocking", recite, lwan.Blocking)
	srv.Handle("/late", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		return recite(req, resp)
	})
	srv.Handle("/from-http", lwan.FromHTTP(http.HandlerFunc(reciteHTTP)))
	srv.Handle("/ignore", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Method()+" "+req.Target())
	})
	srv.Handle("/none", lwan.NotFound)
	srv.Handle("PUT /put-only", recite)
	return srv, seen
}

// recite answers the request.
func recite(req *lwan.Request, resp *lwan.Response) lwan.Status {
	body, err := io.ReadAll(req.Body())
	if err != nil {
		return resp.Fail(err)
	}
	return resp.Text(200,
		strings.TrimSuffix(fmt.Sprintf("%s %s %s", req.Method(), req.Target(), body), " "))
}

// reciteHTTP is recite of net/http.
func reciteHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, strings.TrimSuffix(fmt.Sprintf("%s %s %s", r.Method, shownTarget(r), body), " "))
}

// at is the probe for a path.
func (p *probe) at(path string) probe {
	q := *p
	q.raw = strings.ReplaceAll(p.raw, "{p}", path)
	q.want = slices.Clone(p.want)
	for i := range q.want {
		q.want[i] = strings.ReplaceAll(q.want[i], "{p}", path)
	}
	return q
}

// outcome is what became of a probe.
type outcome struct {
	seen    []string // methods and targets
	raw     string   // what was answered, to the end of the connection
	answers []string // status, and the body of 200
	err     error    // of the last answer, if that was cut
}

func (o *outcome) String() string {
	return fmt.Sprintf("seen %q, answers %q %v", o.seen, o.answers, o.err)
}

// attack sends pieces on a connection of its own and reads until the server closes.
func attack(t testing.TB, addr string, seen *sightings, pieces []string, leaves bool) *outcome {
	w := dial(t, addr)
	defer w.Close()
	for _, piece := range pieces {
		if _, err := io.WriteString(w, piece); err != nil {
			break // it has answered and closed already
		}
	}
	if leaves { // which fails if the server has closed already
		_ = w.CloseWrite()
	}
	raw, err := io.ReadAll(w.r)
	o := &outcome{raw: string(raw), seen: seen.take(w.LocalAddr().String())}
	o.split(o.seen)
	if err != nil {
		o.err = err
	}
	return o
}

// split finds the answers to requests, whose methods say which have no body.
func (o *outcome) split(requests []string) {
	r := bufio.NewReader(strings.NewReader(o.raw))
	o.answers, o.err = nil, nil
	for o.err == nil {
		method := "GET"
		if n := len(o.answers); n < len(requests) {
			method, _, _ = strings.Cut(requests[n], " ")
		}
		if _, err := r.Peek(1); err == io.EOF {
			return
		}
		var status int
		var body string
		if status, body, o.err = readAnswer(r, method); status >= 200 {
			o.answers = append(o.answers, strings.TrimSuffix(fmt.Sprint(status, " ", body), " "))
		}
	}
}

// readAnswer reads an answer, and its body if it is a good one.
func readAnswer(r *bufio.Reader, method string) (status int, body string, err error) {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		b = nil
	}
	return resp.StatusCode, string(b), err
}

// ways cuts bytes into what is sent at once: all, each, and up to each CR, where a parser has to
// remember the most.
func ways(raw string) map[string][]string {
	return map[string][]string{
		"whole": {raw}, "by byte": strings.Split(raw, ""),
		"up to CR": strings.SplitAfter(raw, "\r"),
	}
}

// eachProbe calls try with each probe at each of the paths, several at the same time.
func eachProbe(paths []probePath, try func(p *probe, at probePath)) {
	var all sync.WaitGroup
	gate := make(chan struct{}, 16)
	for _, p := range probes() {
		for _, at := range paths {
			q := p.at(at.path)
			gate <- struct{}{}
			all.Go(func() {
				try(&q, at)
				<-gate
			})
		}
	}
	all.Wait()
}
