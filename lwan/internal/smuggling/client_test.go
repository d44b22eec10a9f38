//go:build linux

package smuggling_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestMain keeps quiet what handlers report of probes.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// serve serves until the end of the test, which fails for what is left of the server, and returns
// where.
func serve(t testing.TB, srv *lwan.Server) (addr string) {
	t.Helper()
	srv.Loops = 2
	return lwantest.Start(t, srv).Addrs()[0].String()
}

// patience is how long a client waits for what has to come. It decides nothing but how long a
// broken test takes.
const patience = 60 * time.Second

// client is a connection that says what it is told.
type client struct {
	*net.TCPConn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{c.(*net.TCPConn), bufio.NewReader(c)}
}

// send sends raw, and gives the server its time from now on.
func (c *client) send(t testing.TB, raw string) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
}

// reply is an answer; err is of its body.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

func (a *reply) String() string {
	return fmt.Sprintf("%d %v %.80q %v", a.status, a.header, a.body, a.err)
}

// once sends raw on a connection of its own and reads the answer.
func once(t testing.TB, addr, method, raw string) *reply {
	t.Helper()
	c := dial(t, addr)
	defer c.Close()
	c.send(t, raw)
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("answer to %s: %v", method, err)
	}
	body, err := io.ReadAll(resp.Body)
	return &reply{resp.StatusCode, resp.Header, string(body), err}
}

// isReset tells a connection that the other side has ended from one on which nothing comes.
func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded)
}
