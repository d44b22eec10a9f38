package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// exchange is what a server makes of some bytes.
type exchange struct {
	answers []answer
	end     ending
	err     error // with endBroken
}

// answer is a final response.
type answer struct {
	status int
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %q", a.status, a.body) }

// ending is how an exchange came to its end.
type ending uint8

const (
	endEnough ending = iota // nothing more was of interest
	endSilent               // the server waits for more
	endClosed               // it closed the connection
	endBroken               // it reset it, or sent what is no response
)

func (e ending) String() string {
	return [...]string{"not read on", "silence", "closed", "broken"}[e]
}

// first is the status of the first answer; 0: there was none.
func (e *exchange) first() int {
	if len(e.answers) == 0 {
		return 0
	}
	return e.answers[0].status
}

// last is the status of the last answer; 0: there was none.
func (e *exchange) last() int {
	if len(e.answers) == 0 {
		return 0
	}
	return e.answers[len(e.answers)-1].status
}

// converse sends the case's bytes on a connection of its own and reads answers until there are
// enough, the connection ends, or patience has passed.
func converse(
	addr string, c *rawCase, enough func(*rawCase, *exchange) bool, patience time.Duration,
) *exchange {
	ex := &exchange{}
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		defer conn.Close()
		_, err = conn.Write(c.Request)
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Now().Add(patience))
	}
	br := bufio.NewReader(conn)
	for err == nil && !enough(c, ex) {
		err = ex.read(br, c.method(len(ex.answers)))
	}
	if err != nil {
		ex.end, ex.err = endingOf(err), err
	}
	return ex
}

// read reads one response.
func (e *exchange) read(br *bufio.Reader, method string) error {
	if _, err := br.Peek(1); err != nil {
		return err
	}
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		return errors.Join(errPartial, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return errors.Join(errPartial, err)
	}
	if resp.StatusCode >= 200 {
		e.answers = append(e.answers, answer{resp.StatusCode, string(body)})
	}
	return nil
}

// errPartial is a response that begins and does not end.
var errPartial = errors.New("no whole response")

func endingOf(err error) ending {
	switch {
	case errors.Is(err, errPartial):
		return endBroken
	case errors.Is(err, os.ErrDeadlineExceeded):
		return endSilent
	case errors.Is(err, io.EOF):
		return endClosed
	}
	return endBroken // a reset may destroy answers that were not read yet: RFC 9112 section 9.6
}
