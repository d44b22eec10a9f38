package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/stats"
)

const (
	// probeEvery is how often the probe asks.
	probeEvery = 50 * time.Millisecond
	// probeLimit is how long an answer may take until the request counts as failed.
	probeLimit = 5 * time.Second
)

// probed is what came of a probe's requests of one kind.
type probed struct {
	answered, failed int
	// from when a request was due, so that none hides behind a slow one before it
	latency stats.Histogram
	first   error // why the first one failed
}

func (p *probed) record(due time.Time, err error) {
	if err == nil {
		p.answered++
		p.latency.Record(time.Since(due))
		return
	}
	if p.failed++; p.first == nil {
		p.first = err
	}
}

// String is for tables: answered/failed, and the latencies in ms.
func (p *probed) String() string {
	return fmt.Sprintf("%d/%d %s", p.answered, p.failed, p.latencies())
}

func (p *probed) latencies() string {
	ms := func(d time.Duration) string {
		return fmt.Sprintf("%.1f",
			float64(d.Microseconds())/1000)
	}
	return ms(p.latency.Percentile(50)) + " " + ms(p.latency.Percentile(99)) +
		" " + ms(p.latency.Max())
}

// err is nil if everything was answered, and there was something.
func (p *probed) err() error {
	switch {
	case p.failed > 0:
		return fmt.Errorf("%d of %d requests failed: %w", p.failed, p.failed+p.answered, p.first)
	case p.answered == 0:
		return errors.New("nothing was asked")
	}
	return nil
}

// probes are those of a server: on a fresh connection each time, and on one that is kept.
type probes struct{ fresh, kept probed }

// probe asks addr until ctx is over. What is under way then is finished.
func probe(ctx context.Context, addr string, every time.Duration) *probes {
	p := &probes{}
	hello := contract.Requests(contract.Hello)[0]
	var both sync.WaitGroup
	both.Go(func() {
		pace(ctx, every, func(due time.Time) { p.fresh.record(due, askOnce(addr, hello)) })
	})
	both.Go(func() {
		var k keptConn
		defer k.close()
		pace(ctx, every, func(due time.Time) { p.kept.record(due, k.ask(addr, hello)) })
	})
	both.Wait()
	return p
}

// pace calls fn again and again, and says when the call was due. After a call that took long, the
// calls that it has held up follow at once.
func pace(ctx context.Context, every time.Duration, fn func(due time.Time)) {
	for due := time.Now(); ; due = due.Add(every) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() == nil {
			fn(due)
		}
	}
}

func askOnce(addr string, r contract.Request) error {
	var k keptConn
	defer k.close()
	return k.ask(addr, r)
}

// keptConn is a connection that is opened when there is none.
type keptConn struct {
	conn net.Conn
	in   *bufio.Reader
}

func (k *keptConn) close() {
	if k.conn != nil {
		k.conn.Close() // everything that counted has been read
		k.conn = nil
	}
}

// ask sends a request and checks the answer. After a failure the connection is given up.
func (k *keptConn) ask(addr string, r contract.Request) (err error) {
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	by := time.Now().Add(probeLimit)
	if k.conn == nil {
		if k.conn, err = net.DialTimeout("tcp", addr, probeLimit); err != nil {
			return err
		}
		k.in = bufio.NewReader(k.conn)
	}
	if err := k.conn.SetDeadline(by); err != nil {
		return err
	}
	if _, err := k.conn.Write(r.Bytes(addr, false)); err != nil {
		return err
	}
	answer, err := http.ReadResponse(k.in, nil) // nil: a GET or POST
	if err != nil {
		return err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.Close { // a server may end a connection, if it says so
		k.close()
	}
	return r.Check(answer.StatusCode, answer.Header, body)
}
