//go:build linux && !golwan_nethttp

package lwan

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/faults"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// The simulation: encrypted clients ask for things of all kinds, pipelined and in random pieces, of
// a server whose kernel does its work badly. The bytes of each answer follow from its number: so
// one of another client's, and each that is lost, doubled or moved, is noticed, be it in clear or
// under another connection's keys, which crypto/tls would tell.

func secretBody(id, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = dialByte(id, i)
	}
	return b
}

// secretKinds are handlers that answer a request of number id with n bytes.
func secretKinds(file *os.File, base int) map[string]func(q *secretQuestion) Status {
	return map[string]func(q *secretQuestion) Status{
		"held": func(q *secretQuestion) Status { return q.resp.Data(200, "a/b", q.body()) },
		"stream": func(q *secretQuestion) Status {
			for b := q.body(); len(b) > 0; {
				k := 1 + rand.IntN(len(b))
				if _, err := q.resp.Write(b[:k]); err != nil {
					return q.resp.Fail(err)
				}
				if err := q.resp.Flush(); err != nil {
					return q.resp.Fail(err)
				}
				b = b[k:]
			}
			return 200
		},
		"file": func(q *secretQuestion) Status {
			if err := q.resp.SendFile(file, int64(base+q.id%3), int64(q.n)); err != nil {
				return q.resp.Fail(err)
			}
			return 200
		},
		"parked": func(q *secretQuestion) Status {
			if err := q.req.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond); err != nil {
				return q.resp.Fail(err)
			}
			return q.resp.Data(200, "a/b", q.body())
		},
		"awaits": func(q *secretQuestion) Status {
			var b []byte
			err := q.req.Await(func(context.Context) error { b = q.body(); return nil })
			if err != nil {
				return q.resp.Fail(err)
			}
			return q.resp.Data(200, "a/b", b)
		},
		"upload": func(q *secretQuestion) Status {
			b, err := io.ReadAll(q.req.Body())
			if err != nil {
				return q.resp.Fail(err)
			}
			return q.resp.Data(200, "a/b", b)
		},
		"dies": func(q *secretQuestion) Status {
			_, _ = q.resp.Write(q.body()[:q.n/2])
			_ = q.resp.Flush()
			panic(http.ErrAbortHandler)
		},
		"echo": func(q *secretQuestion) Status {
			c, err := q.resp.Upgrade("websocket") // as the client asks for
			if err != nil {
				return q.resp.Fail(err)
			}
			_, _ = io.Copy(c, c)
			return 101
		},
		"talk": func(q *secretQuestion) Status {
			return q.resp.Converse(nil, &Conversation{Message: func(m *Message) error {
				if m.Kind() == BinaryMessage && m.Bytes()[0]%2 == 0 {
					if err := m.Sleep(1); err != nil {
						return err
					}
				}
				return m.Reply(m.Kind(), m.Bytes())
			}})
		},
	}
}

type secretQuestion struct {
	req   *Request
	resp  *Response
	id, n int
}

func (q *secretQuestion) body() []byte { return secretBody(q.id, q.n) }

// raggedConn sends what is written in pieces, and leaves at some byte.
type raggedConn struct {
	*net.TCPConn
	left int // bytes until it leaves; negative: it stays
}

var errLeaves = errors.New("the client leaves")

func (c *raggedConn) Write(p []byte) (done int, err error) {
	for done < len(p) {
		k := min(1+rand.IntN(1+min(len(p)-done, 3000)), len(p)-done)
		if c.left >= 0 && c.left < k {
			_ = c.SetLinger(rand.IntN(2) - 1)
			return done, errors.Join(errLeaves, c.Close())
		}
		c.left -= k
		n, err := c.TCPConn.Write(p[done : done+k])
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// secretSimulation is what came of it.
type secretSimulation struct {
	t            *testing.T
	kinds        []string
	whole, ended atomic.Int64
}

// client asks on one connection until that ends. Whatever the kernel does, an answer that has come
// as a whole is right.
func (s *secretSimulation) client(addr string, cfg *tls.Config, ids *atomic.Int64) error {
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer raw.Close()
	ragged := &raggedConn{raw.(*net.TCPConn), -1}
	if rand.IntN(4) == 0 {
		ragged.left = rand.IntN(5000)
	}
	if rand.IntN(4) == 0 {
		_ = ragged.SetReadBuffer(4 << 10)
	}
	c := tls.Client(ragged, cfg)
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	r := bufio.NewReader(c)
	for {
		var kinds []string
		var first, n []int
		ask := ""
		for range 1 + rand.IntN(4) {
			kind := s.kinds[rand.IntN(len(s.kinds))]
			id, size := int(ids.Add(1)), rand.IntN(3000)
			if rand.IntN(8) == 0 {
				size = rand.IntN(200_000)
			}
			kinds, first, n = append(kinds, kind), append(first, id), append(n, size)
			ask += s.question(kind, id, size)
			if kind == "echo" || kind == "hijack" || strings.HasSuffix(kind, "talk") {
				break
			}
		}
		go func() { _, _ = io.WriteString(c, ask) }() // an error is one of reading, too
		for i, kind := range kinds {
			if err := s.answer(c, r, kind, first[i], n[i]); err != nil {
				return err
			}
		}
	}
}

func (s *secretSimulation) question(kind string, id, n int) string {
	path := fmt.Sprintf("/%s/%d/%d", kind, id, n)
	body := string(secretBody(id, n))
	switch kind, _ := strings.CutPrefix(kind, "b-"); kind {
	case "upload":
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: site\r\nContent-Length: %d\r\n\r\n%s",
			path, n, body)
	case "echo":
		return handshakeOf(path, "") + body
	case "hijack":
		return "GET " + path + " HTTP/1.1\r\nHost: site\r\n\r\n" + body
	case "talk":
		return handshakeOf(path, "") + frameOf(binaryFrame, body+"x") + frameOf(binaryFrame, body+"y")
	}
	return "GET " + path + " HTTP/1.1\r\nHost: site\r\n\r\n"
}

func (s *secretSimulation) answer(c net.Conn, r *bufio.Reader, kind string, id, n int) error {
	kind, _ = strings.CutPrefix(kind, "b-")
	want := secretBody(id, n)
	if kind == "file" {
		want = secretBody(0, n+8)[id%3 : id%3+n]
	}
	check := func(got, want []byte) error {
		for i := range got {
			if i >= len(want) || got[i] != want[i] {
				s.t.Errorf("%s %d: byte %d of %d is wrong", kind, id, i, n)
				return io.ErrUnexpectedEOF
			}
		}
		return nil
	}
	if kind == "hijack" {
		got := make([]byte, n)
		k, err := io.ReadFull(r, got)
		if err := check(got[:k], want); err != nil || k < n {
			return errors.Join(err, io.EOF)
		}
		s.whole.Add(1)
		return errors.Join(err, io.EOF)
	}
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	switch {
	case a.StatusCode == 101 && kind == "echo":
		got := make([]byte, n)
		k, err := io.ReadFull(r, got)
		if k == n {
			s.whole.Add(1)
		}
		return errors.Join(check(got[:k], want), err, io.EOF)
	case a.StatusCode == 101:
		for _, last := range []byte("xy") {
			var head [10]byte
			if _, err := io.ReadFull(r, head[:2]); err != nil {
				return err
			}
			size := int(head[1])
			switch size {
			case 126:
				_, err = io.ReadFull(r, head[2:4])
				size = int(head[2])<<8 | int(head[3])
			case 127:
				_, err = io.ReadFull(r, head[2:10])
				size = int(head[7])<<16 | int(head[8])<<8 | int(head[9])
			}
			if err != nil {
				return err
			}
			if head[0] != 0x80|byte(wsframe.Binary) || size != n+1 {
				return io.EOF // it is closed
			}
			got := make([]byte, size)
			k, err := io.ReadFull(r, got)
			if err := errors.Join(check(got[:k], append(want, last)), err); err != nil {
				return err
			}
		}
		s.whole.Add(1)
		return io.EOF
	}
	defer a.Body.Close()
	got, err := io.ReadAll(a.Body)
	if a.StatusCode == 200 {
		if err := check(got, want); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if a.StatusCode == 200 {
		if len(got) != n {
			s.t.Errorf("%s %d: %d bytes of %d came, as if that was all", kind, id, len(got), n)
		}
		s.whole.Add(1)
	}
	if a.Close {
		return io.EOF
	}
	return nil
}

// TestTLSSimulation: whatever kernel and clients do, each client gets the bytes that are its own,
// or sees that some are missing, and nothing is left.
func TestTLSSimulation(t *testing.T) {
	t.Parallel()
	length := 2 * time.Second
	if testing.Short() {
		length = time.Second / 2
	}
	if s := os.Getenv("TLS_SIMULATION"); s != "" { // for longer
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, secretBody(0, 300_000), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := faults.New(seed, faults.Rates{
		Again: 6, Interrupt: 20, Short: 5, Break: 800, Poll: 30, Close: 50, Register: 300,
	})
	srv := &Server{Loops: 2, LingerTimeout: -1, TakeOverAfter: -1}
	srv.Limits.Body = 1 << 20
	srv.life.seams = loopSeams{Kernel: k, Poller: k.Poller(loop.NewEpoll)}
	s := &secretSimulation{t: t}
	for kind, handle := range secretKinds(file, 0) {
		h := func(req *Request, resp *Response) Status {
			id, _ := strconv.Atoi(req.Param("id"))
			n, _ := strconv.Atoi(req.Param("n"))
			return handle(&secretQuestion{req, resp, id, n})
		}
		srv.Handle("/"+kind+"/{id}/{n}", h)
		srv.Handle("/b-"+kind+"/{id}/{n}", h, Blocking)
		s.kinds = append(s.kinds, kind, "b-"+kind)
	}
	s.kinds = append(s.kinds, "hijack")
	srv.Handle("/hijack/{id}/{n}", FromHTTP(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			n, _ := strconv.Atoi(r.PathValue("n"))
			_, _ = io.CopyN(conn, rw, int64(n))
		})))
	t.Cleanup(func() { // when the server has ended
		if n := k.Open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
	})
	cert := authority().issue(t, certSpec{hosts: []string{"site"}})
	addr := overTLS(t, srv, &tls.Config{Certificates: []tls.Certificate{cert}}).String()
	var ids atomic.Int64
	var clients sync.WaitGroup
	until := time.Now().Add(length)
	for i := range 12 {
		cfg := clientTLS()
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(2)
		if i%3 == 0 {
			cfg.MaxVersion = tls.VersionTLS12
		}
		clients.Go(func() {
			for time.Now().Before(until) {
				err := s.client(addr, cfg, &ids)
				var bad tls.AlertError
				var record tls.RecordHeaderError
				switch {
				case errors.As(err, &bad), errors.As(err, &record):
					t.Errorf("the server's TLS: %v", err)
				case errors.Is(err, os.ErrDeadlineExceeded):
					t.Errorf("nothing comes: %v", err)
				}
				s.ended.Add(1)
			}
		})
	}
	clients.Wait()
	t.Logf("%d whole answers, %d connections; %v; %+v", s.whole.Load(), s.ended.Load(), k.Counts(),
		srv.Stats().Secure)
	if s.whole.Load() == 0 {
		t.Error("nothing has come")
	}
}
