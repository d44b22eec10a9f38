package contender

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

const (
	// startLimit is how long a server may take until its first answer.
	startLimit = 20 * time.Second
	// startPoll is how often it is asked meanwhile, and so the resolution of Started.
	startPoll = 200 * time.Microsecond
	// answerLimit is how long one answer may take.
	answerLimit = 5 * time.Second
)

// Server is a contender that runs.
type Server struct {
	*proc.Process
	Addr    string        // host:port
	Command string        // that started it, for a shell
	Started time.Duration // from starting the process until its first right answer

	root string // path of hello: "/" but for one that was built elsewhere
	dir  string // temporary, removed by Stop
}

// Start starts the program on a free port and returns when it has answered hello rightly.
func (p Program) Start(ctx context.Context, s Setup) (*Server, error) {
	dir, err := os.MkdirTemp("", "golwan-bench-")
	if err != nil {
		return nil, err
	}
	// Workers of another user must be able to enter.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	server, err := p.startIn(ctx, s, dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.Name, err), os.RemoveAll(dir))
	}
	return server, nil
}

func (p Program) startIn(ctx context.Context, s Setup, dir string) (*Server, error) {
	addr, root, err := p.place()
	if err != nil {
		return nil, err
	}
	if err := expectFree(addr); err != nil {
		return nil, err
	}
	command, err := p.command(s, addr, dir)
	if err != nil {
		return nil, err
	}
	command.CPU = s.CPU
	server := &Server{Addr: addr, Command: command.String(), root: root, dir: dir}
	began := time.Now()
	if server.Process, err = proc.Start(command); err != nil {
		return nil, err
	}
	if err := server.await(ctx, s.Reconnect); err != nil {
		return nil, errors.Join(err, server.Process.Stop())
	}
	server.Started = time.Since(began)
	return server, nil
}

// place is where the server will be: at the fixed address of one that has one, or on a free port.
func (p Program) place() (addr, root string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	addr = ln.Addr().String()
	if err := ln.Close(); err != nil {
		return "", "", err
	}
	if p.url == "" {
		return addr, "/", nil
	}
	u, err := url.Parse(fill(p.url, addr, "", ""))
	if err != nil {
		return "", "", err
	}
	return u.Host, u.EscapedPath(), nil
}

// expectFree makes sure that no other server will give the answers: one at a fixed address may have
// been left over.
func expectFree(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, answerLimit)
	if err != nil {
		return nil
	}
	return errors.Join(fmt.Errorf("something listens on %s already", addr), conn.Close())
}

// await asks for hello until the answer is right. A server that answers wrongly will not get
// better.
func (s *Server) await(ctx context.Context, last bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit,
		fmt.Errorf("no answer within %v", startLimit))
	defer cancel()
	ticker := time.NewTicker(startPoll)
	defer ticker.Stop()
	for {
		_, err := s.ask(s.Requests(contract.Hello)[0], last)
		if dial := new(net.OpError); err == nil || !errors.As(err, &dial) {
			return err
		}
		select {
		case <-s.Exited():
			return fmt.Errorf("ended before it answered: %s", s.Output())
		case <-ctx.Done():
			return fmt.Errorf("%w: %w: %s", context.Cause(ctx), err, s.Output())
		case <-ticker.C:
		}
	}
}

// Requests are those of a feature, as this server wants them.
func (s *Server) Requests(f contract.Feature) []contract.Request {
	requests := contract.Requests(f)
	for i, r := range requests {
		if r.Target == "/" && s.root != "" {
			requests[i].Target = s.root
		}
	}
	return requests
}

// Check sends each request once and returns the mean size of the answers on the wire, in bytes, or
// the first difference from the contract. With last, the requests ask for the connection to be
// closed.
func (s *Server) Check(requests []contract.Request, last bool) (size float64, err error) {
	total := 0
	for _, r := range requests {
		n, err := s.ask(r, last)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return float64(total) / float64(len(requests)), nil
}

// ask sends one request on a connection of its own and returns the size of the answer.
func (s *Server) ask(r contract.Request, last bool) (size int, err error) {
	conn, err := net.DialTimeout("tcp", s.Addr, answerLimit)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return 0, err
	}
	if _, err := conn.Write(r.Bytes(s.Addr, last)); err != nil {
		return 0, err
	}
	counted := &counter{r: conn}
	// nil: the request was a GET or POST
	response, err := http.ReadResponse(bufio.NewReader(counted), nil)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", r.Method, r.Target, err)
	}
	var body []byte
	if !r.Endless {
		if body, err = io.ReadAll(response.Body); err != nil {
			return 0, fmt.Errorf("%s %s: %w", r.Method, r.Target, err)
		}
	}
	if last && !response.Close {
		return 0, fmt.Errorf("%s %s: the answer does not announce the close that was asked for",
			r.Method, r.Target)
	}
	return counted.n, r.Check(response.StatusCode, response.Header, body)
}

// Stop ends the server and removes what it left.
func (s *Server) Stop() error {
	return errors.Join(s.Process.Stop(), os.RemoveAll(s.dir))
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
