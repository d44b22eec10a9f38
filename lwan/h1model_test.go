//go:build linux

package lwan

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A connection is driven by random steps against a model of what must come back. The model is a list of answers, nothing
// of how they are made: each step says what it sends, which answer that gets, and whether the connection goes on.
//
//	step   = request | what is no request
//	answer = status, body
//	model  = answers in the order of requests, up to the first that closes; then the end, and nothing more

// modelStep is one thing that a client does.
type modelStep struct {
	send   string
	method string
	status int
	body   string
	closes bool // behind this answer the server hangs up
}

// modelSteps makes the step that op chooses, with n for what it has to choose itself.
func modelSteps(op, n byte) modelStep {
	size := int(n) * 7
	text := strings.Repeat("b", size)
	switch op % 16 {
	case 0:
		return modelStep{get1("/ok"), "GET", 200, "ok", false}
	case 1:
		return modelStep{post("/echo", text), "POST", 200, text, false}
	case 2:
		return modelStep{chunked("/echo", []string{text[:size/2] + "x", text + "y"}, "T: 1\r\n"), "POST", 200, text[:size/2] + "x" + text + "y", false}
	case 3:
		return modelStep{post("/ignore", text), "POST", 200, "ignored", false}
	case 4:
		return modelStep{chunked("/ignore", []string{"x" + text}, ""), "POST", 200, "ignored", false}
	case 5:
		return modelStep{"HEAD /ok HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", 200, "", false}
	case 6:
		return modelStep{get1("/none"), "GET", 404, "404 Not Found\n", false}
	case 7:
		return modelStep{get1("/panic"), "GET", 500, "500 Internal Server Error\n", false}
	case 8:
		return modelStep{get1("/sleep"), "GET", 200, "slept", false}
	case 9:
		return modelStep{get1("/stream"), "GET", 200, strings.Repeat("y", 100_000), false}
	case 10:
		return modelStep{get1("/blocking"), "GET", 200, "blocked", false}
	case 11:
		return modelStep{"GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET", 200, "ok", false}
	case 12:
		return modelStep{"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET", 200, "ok", true}
	case 13:
		return modelStep{"GET /ok HTTP/1.1\r\nA: b\r\n\r\n", "GET", 400, "", true}
	case 14:
		return modelStep{"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", "POST", 400, "", true}
	}
	return modelStep{post("/echo", strings.Repeat("c", modelLimit+1)), "POST", 413, "", false}
}

const modelLimit = 4_000

// modelServer answers the steps.
func modelServer(t testing.TB) string {
	srv := &Server{Limits: Limits{Body: modelLimit}, MaxPipelined: 3}
	misbehaving(srv)
	srv.Handle("POST /ignore", text("ignored"))
	return serveTest(t, srv)
}

// drive plays a script of pairs (op, n) on one connection; how it is cut into writes, and where the client leaves, comes
// from the script too. It returns what is wrong, or "".
func drive(addr string, script []byte) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	var steps []modelStep
	var wire bytes.Buffer
	closed := false
	for i := 0; i+1 < len(script); i += 2 {
		s := modelSteps(script[i], script[i+1])
		wire.WriteString(s.send)
		if !closed { // what stands behind the last answer is sent all the same, and never answered
			steps = append(steps, s)
		}
		closed = closed || s.closes
	}
	if !closed {
		last := modelSteps(12, 0)
		wire.WriteString(last.send)
		steps = append(steps, last)
	}
	go func() {
		cut := 1 + len(script)%97*13
		for wire.Len() > 0 {
			if _, err := c.Write(wire.Next(cut)); err != nil {
				return // it has closed already
			}
		}
	}()
	return compare(bufio.NewReader(c), steps)
}

// compare reads the answers to steps and the end.
func compare(r *bufio.Reader, steps []modelStep) string {
	for i, s := range steps {
		resp, err := http.ReadResponse(r, &http.Request{Method: s.method})
		if err != nil {
			return fmt.Sprintf("answer %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != s.status || s.body != "" && string(body) != s.body || s.closes != resp.Close {
			return fmt.Sprintf("answer %d to %.60q: %d close=%v %.60q %v, want %d close=%v %.60q", i, s.send, resp.StatusCode, resp.Close, body, err, s.status, s.closes, s.body)
		}
	}
	if rest, err := io.ReadAll(r); len(rest) != 0 || err != nil && !isReset(err) {
		return fmt.Sprintf("after the last answer: %.80q %v", rest, err)
	}
	return ""
}

// TestModel plays random scripts on many connections at the same time, with clients between them that leave anywhere.
func TestModel(t *testing.T) {
	addr := modelServer(t)
	seed := rand.Uint64()
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(k)))
			for range rounds {
				script := make([]byte, 2*rnd.IntN(16))
				for i := range script {
					script[i] = byte(rnd.Uint32())
				}
				if rnd.IntN(4) == 0 {
					leave(t, addr, script, rnd)
				} else if wrong := drive(addr, script); wrong != "" {
					t.Errorf("%x: %s", script, wrong)
					return
				}
			}
		})
	}
	wg.Wait()
}

// leave sends a part of a script and goes away, in one of the ways there are.
func leave(t *testing.T, addr string, script []byte, rnd *rand.Rand) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	var wire strings.Builder
	for i := 0; i+1 < len(script); i += 2 {
		wire.WriteString(modelSteps(script[i], script[i+1]).send)
	}
	all := wire.String()
	if _, err := io.WriteString(c, all[:rnd.IntN(len(all)+1)]); err != nil {
		return // the server was faster
	}
	switch rnd.IntN(3) {
	case 0:
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			t.Error(err)
		}
	case 1: // it fails only if the server has closed already; then there is as little to be read
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.CopyN(io.Discard, c, int64(rnd.IntN(100)))
	}
}

// FuzzModel is TestModel with scripts of the fuzzer's.
func FuzzModel(f *testing.F) {
	addr := modelServer(f)
	for _, seed := range []string{"", "\x00\x00", "\x01\xff\x02\xff\x03\xff\x04\xff", "\x08\x00\x09\x00\x0a\x00\x0b\x00", "\x0f\x00\x0e\x00\x00\x00", "\x07\x00\x06\x00\x05\x00\x0d\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		if wrong := drive(addr, script[:min(len(script), 64)]); wrong != "" {
			t.Error(wrong)
		}
	})
}
