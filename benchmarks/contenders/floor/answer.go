package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// batch is the number of answers that fit one write; more pipelined requests take more writes.
const batch = 64

// answer is the constant answer, repeated.
type answer struct {
	bytes []byte // batch times the same answer
	one   int    // length of one
}

// newAnswer has the fields that the other contenders send by default. The date is that of the
// start: a clock that is read once a second would not show in the figures.
func newAnswer(last bool) answer {
	connection := ""
	if last {
		connection = "Connection: close\r\n"
	}
	one := fmt.Sprintf(
		"HTTP/1.1 200 OK\r\n%sContent-Type: %s\r\nContent-Length: %d\r\nDate: %s\r\n\r\n%s",
		connection, contract.PlainText, len(contract.Greeting),
		time.Now().UTC().Format(http.TimeFormat), contract.Greeting)
	a := answer{one: len(one)}
	for range batch {
		a.bytes = append(a.bytes, one...)
	}
	return a
}

// times is n answers in a row, n up to batch.
func (a answer) times(n int) []byte { return a.bytes[:n*a.one] }
