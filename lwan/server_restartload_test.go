//go:build linux

package lwan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// restartsVariable says how many restarts TestRestartUnderLoad makes: 3.
const restartsVariable = "GOLWAN_RESTARTS"

// TestRestartUnderLoad restarts a server again and again while clients send 1000 requests a second,
// on schedule, on kept connections, on fresh ones and as streams of HTTP/2. Each request has to be
// answered, with its own content.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	restarts := 3
	if n := os.Getenv(restartsVariable); n != "" {
		var err error
		if restarts, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, "")
	before := s.get("/descriptors")
	load := startLoad(s.addr, 1000)
	for range restarts {
		load.wait(t, 500)
		s.restart()
	}
	load.wait(t, 500)
	load.end()
	load.report(t, restarts)
	settled(t, "descriptors "+before, 0, func() int64 { // those of the last connections go first
		return int64(strings.Compare(s.get("/descriptors"), before))
	})
	s.end()
}

// load is clients that send requests on schedule.
type load struct {
	addr    string
	begin   time.Time
	gap     time.Duration // between two requests
	number  atomic.Int64  // of the next request
	stopped chan struct{}
	clients sync.WaitGroup

	answered, retried, reused atomic.Int64

	mu       sync.Mutex
	took     []time.Duration // from when a request was to be sent to its answer
	failures []string
	servers  map[string]int // requests by the process that has answered them
}

// loadClients is how many requests can be under way.
const loadClients = 32

func startLoad(addr string, rate int) *load {
	l := &load{
		addr: addr, begin: time.Now(), gap: time.Second / time.Duration(rate),
		stopped: make(chan struct{}), servers: map[string]int{},
	}
	streams := &http.Transport{Protocols: new(http.Protocols)}
	streams.Protocols.SetUnencryptedHTTP2(true)
	for i := range loadClients {
		c := &loadConn{addr: l.addr, keep: i%2 == 0}
		if i%4 == 3 {
			c.streams = streams
		}
		l.clients.Go(func() { l.client(c) })
	}
	return l
}

// wait waits for n more answers.
func (l *load) wait(t *testing.T, n int64) {
	t.Helper()
	deadline := time.After(patience)
	for want := l.answered.Load() + n; l.answered.Load() < want; {
		select {
		case <-time.After(l.gap):
		case <-deadline:
			t.Fatal("no more answers come")
		}
	}
}

// end lets the clients finish what they have begun.
func (l *load) end() {
	close(l.stopped)
	l.clients.Wait()
}

// client sends the next request when it is due, until the end.
func (l *load) client(c *loadConn) {
	defer c.close()
	for {
		n := l.number.Add(1)
		due := l.begin.Add(time.Duration(n) * l.gap)
		select {
		case <-l.stopped:
			return
		case <-time.After(time.Until(due)):
		}
		server, err := c.ask(n)
		l.book(server, err, time.Since(due), c)
	}
}

func (l *load) book(server string, err error, took time.Duration, c *loadConn) {
	l.retried.Add(c.retried)
	l.reused.Add(c.reused)
	c.retried, c.reused = 0, 0
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	if err != nil {
		l.failures = append(l.failures, err.Error())
		return
	}
	l.servers[server]++
	l.answered.Add(1)
}

// report prints what there was, and fails the test for each request that was not answered.
func (l *load) report(t *testing.T, restarts int) {
	t.Helper()
	slices.Sort(l.took)
	rate := float64(len(l.took)) / time.Since(l.begin).Seconds()
	t.Logf("%d restarts, %d requests (%.0f/s, %d on reused connections), %d failures, %d "+
		"retried, p50 %v, p99 %v, longest %v",
		restarts, len(l.took), rate, l.reused.Load(), len(l.failures), l.retried.Load(),
		l.took[len(l.took)/2], l.took[len(l.took)*99/100], l.took[len(l.took)-1])
	if len(l.failures) > 0 {
		t.Errorf("failures: %q", l.failures[:min(len(l.failures), 10)])
	}
	if len(l.servers) != restarts+1 {
		t.Errorf("%d processes have answered, want %d", len(l.servers), restarts+1)
	}
	if l.reused.Load() == 0 {
		t.Error("no connection was reused")
	}
}

// loadConn is a client's connection.
type loadConn struct {
	addr string
	keep bool
	conn net.Conn // nil: none
	r    *bufio.Reader
	// in place of conn; it tries again elsewhere what a GOAWAY says was not looked at
	streams *http.Transport

	retried, reused int64
}

func (c *loadConn) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	if c.streams != nil {
		c.streams.CloseIdleConnections()
	}
}

// ask sends a request, and again on a fresh connection if the kept one was closed before a byte of
// an answer came: the server may close it at any time (RFC 9112 section 9.3.1). It returns the
// process that has answered.
func (c *loadConn) ask(n int64) (server string, err error) {
	if c.streams != nil {
		return c.stream(n)
	}
	if c.conn != nil {
		c.reused++
		server, err = c.try(n)
		if !errors.Is(err, errUnanswered) {
			return server, err
		}
		c.retried++
		c.close()
	}
	if c.conn, err = dialServer("tcp", c.addr); err != nil {
		return "", err
	}
	c.r = bufio.NewReader(c.conn)
	return c.try(n)
}

// errUnanswered is a connection that ends before the answer begins.
var errUnanswered = errors.New("no answer")

func (c *loadConn) try(n int64) (server string, err error) {
	defer func() {
		if err != nil || !c.keep {
			c.close()
		}
	}()
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	path, body := loadRequest(n)
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s",
		path, len(body), body)
	if _, err := io.WriteString(c.conn, request); err != nil {
		return "", fmt.Errorf("%w: %w", errUnanswered, err)
	}
	if _, err := c.r.Peek(1); err != nil {
		return "", fmt.Errorf("%w: %w", errUnanswered, err)
	}
	return c.answer(body)
}

func loadRequest(n int64) (path, body string) {
	path = "/echo"
	if rand.IntN(4) == 0 {
		path = "/slow"
	}
	return path, strings.Repeat(fmt.Sprintf("request %d. ", n), 1+rand.IntN(100))
}

// stream sends a request as a stream.
func (c *loadConn) stream(n int64) (server string, err error) {
	path, body := loadRequest(n)
	req, err := http.NewRequest("POST", "http://"+c.addr+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := c.streams.RoundTrip(req)
	if err != nil {
		return "", fmt.Errorf("stream: %w", err)
	}
	defer resp.Body.Close()
	return serverOf(resp, body)
}

func (c *loadConn) answer(want string) (server string, err error) {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "", err
	}
	if server, err = serverOf(resp, want); err == nil && resp.Close {
		c.close()
	}
	return server, err
}

// serverOf reads an answer, and returns the process that has given it.
func serverOf(resp *http.Response, want string) (server string, err error) {
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	server, text, _ := strings.Cut(string(got), " ")
	if resp.StatusCode != 200 || text != want {
		return "", fmt.Errorf("%d %.50q, want %.50q", resp.StatusCode, got, want)
	}
	return server, nil
}
