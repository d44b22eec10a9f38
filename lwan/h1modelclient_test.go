//go:build linux && !golwan_nethttp

package lwan

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// How the client of a script ends: script[0], over and over.
const (
	stays   = iota // reads all answers, up to the end that the last of them announces
	halves         // closes its side when it has sent everything, and reads on
	parts          // closes its side somewhere in the middle of it, and reads on
	departs        // closes somewhere
	resets         // somewhere
	endings
)

// modelClient plays one script.
type modelClient struct {
	c      tcpConn
	ending int
	cut    int  // bytes of a write
	turns  bool // waits for each answer before it sends more
	steps  []modelStep
	place  int // how much is sent by who does not send all
	go100  chan struct{}
	next   chan struct{} // an answer was read
	ended  chan struct{} // closed when nothing more is read
}

// drive plays a script on one connection and returns what is wrong, or "".
func drive(addr string, script []byte) string {
	if len(script) < 4 {
		return ""
	}
	c, err := dialServer("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	m := &modelClient{
		c: c.(tcpConn), ending: int(script[0]) % endings, cut: 1 + int(script[1]&0x7f)*13,
		turns: script[1]&0x80 != 0, go100: make(chan struct{}, 1), next: make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	for i := 4; i+1 < len(script); i += 2 {
		s := modelSteps[int(script[i])%len(modelSteps)](int(script[i+1]))
		m.steps = append(m.steps, s)
		if s.asked { // who sends more has no right to an answer, not even to those before
			break
		}
	}
	if n := len(m.steps); m.ending == stays && (n == 0 || !m.steps[n-1].asked) {
		m.steps = append(m.steps, modelSteps[12](0)) // which closes
	}
	if m.ending == parts || m.ending == departs || m.ending == resets {
		m.place = (int(script[2])<<8 | int(script[3])) % (len(m.wire()) + 1)
		return m.leave()
	}
	return m.converse()
}

// wire is all that there is to send.
func (m *modelClient) wire() string {
	var b strings.Builder
	for _, s := range m.steps {
		b.WriteString(s.send + s.later)
	}
	return b.String()
}

// leave sends a part of it and goes.
func (m *modelClient) leave() string {
	if !m.send(m.wire()[:m.place]) {
		return ""
	}
	switch m.ending {
	case departs:
		return ""
	case resets:
		if err := m.c.SetLinger(0); err != nil {
			return err.Error()
		}
		return ""
	}
	_ = m.c.CloseWrite() // it fails only if the server has closed already
	return m.read(false)
}

// converse sends all of it while the answers are read.
func (m *modelClient) converse() string {
	written := make(chan struct{})
	go func() {
		defer close(written)
		m.write()
		if m.ending == halves {
			_ = m.c.CloseWrite() // as above
		}
	}()
	wrong := m.read(m.ending == stays)
	close(m.ended)
	if wrong != "" {
		_ = m.c.SetDeadline(time.Now()) // for the writer
	}
	<-written
	return wrong
}

// write sends the steps. What stands behind the last answer is sent all the same, and never
// answered.
func (m *modelClient) write() {
	for _, s := range m.steps {
		if !m.send(s.send) || s.later != "" && (!m.await(m.go100) || !m.send(s.later)) ||
			m.turns && !m.await(m.next) {
			return
		}
	}
}

// send reports whether the server took it all.
func (m *modelClient) send(text string) bool {
	for len(text) > 0 {
		n := min(m.cut, len(text))
		if _, err := io.WriteString(m.c, text[:n]); err != nil {
			return false // it has closed already
		}
		text = text[n:]
	}
	return true
}

func (m *modelClient) await(what chan struct{}) bool {
	select {
	case <-what:
		return true
	case <-m.ended:
		return false
	}
}

// read compares the answers to the steps, then the end. all: every one must come, else the client
// has left, and they may end early.
func (m *modelClient) read(all bool) string {
	r := bufio.NewReader(m.c)
	for i, s := range m.steps {
		a, err := m.answer(r, &s)
		switch {
		case err == nil && a.is(&s):
		case !all && m.mayMiss(i) && (err != nil || a.StatusCode >= 400):
			return m.end(r, false)
		default:
			return fmt.Sprintf("answer %d to %.60q: %v %v, want %d close=%v %.60q",
				i, s.send, a, err, s.status, s.closes, s.body)
		}
		if s.closes {
			return m.end(r, all)
		}
		select {
		case m.next <- struct{}{}:
		default:
		}
	}
	return m.end(r, all)
}

// mayMiss: from step i on there is something that waited, or did not come as a whole.
func (m *modelClient) mayMiss(i int) bool {
	sent := 0
	for k, s := range m.steps {
		sent += len(s.send + s.later)
		if m.ending == parts && sent > m.place || k <= i && s.waits {
			return true
		}
	}
	return false
}

// end reads the end of the connection. A client that has left may be reset.
func (m *modelClient) end(r *bufio.Reader, clean bool) string {
	if rest, err := io.ReadAll(r); len(rest) != 0 || err != nil && (clean || !isReset(err)) {
		return fmt.Sprintf("after the last answer: %.80q %v", rest, err)
	}
	return ""
}

// modelAnswer is what came.
type modelAnswer struct {
	*http.Response
	body string
}

func (a *modelAnswer) String() string {
	if a == nil {
		return "none"
	}
	return fmt.Sprintf("%d close=%v %.60q", a.StatusCode, a.Close, a.body)
}

func (a *modelAnswer) is(s *modelStep) bool {
	return a.StatusCode == s.status && (s.body == "" || a.body == s.body) &&
		(a.Close == s.closes || s.silent)
}

// answer reads one, and tells the writer of 100 (Continue) before it.
func (m *modelClient) answer(r *bufio.Reader, s *modelStep) (*modelAnswer, error) {
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: s.method})
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusContinue {
			if s.later == "" && !strings.Contains(s.send, "Expect") {
				return nil, fmt.Errorf("100 (Continue), and nobody has asked")
			}
			if s.later != "" && m.ending != parts { // who sends a part of all waits for nothing
				m.go100 <- struct{}{}
			}
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		return &modelAnswer{resp, string(body)}, nil
	}
}
