package drive

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// longPatience is how long the answer to a repeated request may take: such requests are slow on
// purpose, and may have to wait for each other.
const longPatience = 2 * time.Minute

// Repeated is a number of clients that ask the same again and again.
type Repeated struct {
	conns []net.Conn
	done  sync.WaitGroup // of the clients
	first sync.WaitGroup // of their first answers

	mu      sync.Mutex
	stopped bool  // guarded by mu
	failed  error // guarded by mu
}

// Repeat starts n clients, each on a connection of its own, that send request, wait for its answer,
// and begin anew, until Close. It returns when each of them has had an answer.
func Repeat(addr string, request contract.Request, n int) (*Repeated, error) {
	r := &Repeated{}
	for range n {
		conn, err := net.DialTimeout("tcp", addr, patience)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.conns = append(r.conns, conn)
		r.done.Add(1)
		r.first.Add(1)
		go r.client(conn, request.Bytes(addr, false), request.Status)
	}
	r.first.Wait()
	r.mu.Lock()
	failed := r.failed
	r.mu.Unlock()
	if failed != nil {
		return nil, r.Close()
	}
	return r, nil
}

func (r *Repeated) client(conn net.Conn, request []byte, status int) {
	defer r.done.Done()
	answered := sync.OnceFunc(r.first.Done)
	defer answered()
	for {
		if err := exchange(conn, request, status); err != nil {
			r.fail(err)
			return
		}
		answered()
	}
}

func exchange(conn net.Conn, request []byte, status int) error {
	if err := conn.SetDeadline(time.Now().Add(longPatience)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	s := scanner{want: status}
	var buf [4096]byte
	for {
		n, err := conn.Read(buf[:])
		if err != nil {
			return err
		}
		found, err := s.feed(buf[:n])
		switch {
		case err != nil:
			return err
		case found.bad > 0 || found.last:
			return errors.New("not answered rightly, or not kept open")
		case found.done > 0:
			return nil
		}
	}
}

// fail keeps the first error, unless it is the one that Close makes.
func (r *Repeated) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped && r.failed == nil {
		r.failed = fmt.Errorf("drive: a repeated request: %w", err)
	}
}

// Close ends the clients and returns what the first one that failed has failed with.
func (r *Repeated) Close() error {
	r.mu.Lock()
	r.stopped = true
	failed := r.failed
	r.mu.Unlock()
	for _, conn := range r.conns {
		failed = errors.Join(failed, conn.Close())
	}
	r.done.Wait()
	return failed
}
