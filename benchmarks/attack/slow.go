package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// slowAttacks are slowhttptest's, and ours.
func slowAttacks(o *options) []attack {
	all := testerAttacks(o)
	if !o.own {
		return all
	}
	for _, k := range slowKinds() {
		all = append(all,
			attack{name: "own: " + k.name, bar: perConnection(o.connections, k.held),
				run: func(ctx context.Context, addr string) (string, error) {
					crowd := &crowd{kind: k, addr: addr, interval: o.interval, gather: o.gather}
					return crowd.run(ctx, o.connections), nil
				}})
	}
	return all
}

// slowKind is what a slow client does: it sends something at once, and then again and again a
// little, or reads a little.
type slowKind struct {
	name   string
	held   int // KiB of golwan's memory that one of them may hold
	first  string
	drip   string // sent at each interval; "": read reads
	read   int    // bytes at each interval
	window int    // receive buffer in bytes; 0: as the kernel likes
}

func slowKinds() []slowKind {
	get := "GET " + largeFile() + " HTTP/1.1\r\nHost: x\r\n"
	const post = "POST /post HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
	return []slowKind{
		{
			name: "heads that do not end", held: heldAtRest,
			first: "GET / HTTP/1.1\r\nHost: x\r\n", drip: "X-A: b\r\n",
		},
		{name: "nothing at all", held: heldAtRest, read: 1},
		// What was announced, and how much of it is there, is what a server is most likely to
		// believe.
		{
			name: "large bodies that do not come", held: heldWaiting,
			first: post + "Content-Length: 1000000\r\n\r\n", read: 1,
		},
		{
			name: "large bodies that begin", held: heldBody,
			first: post + "Content-Length: 1000000\r\n\r\n" + strings.Repeat("x", 600), drip: "x",
		},
		{
			name: "half a chunk's head", held: heldWaiting,
			first: post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1", read: 1,
		},
		{
			name: "answers that nobody reads", held: heldWaiting,
			first: get + "\r\n", window: 4 << 10,
		},
		{
			name: "answers that are read slowly", held: heldWaiting, first: get + "\r\n",
			read: 128, window: 4 << 10,
		},
		{
			name: "overlapping ranges", held: heldWaiting,
			first: get + "Range: bytes=" + overlapping(16) + "\r\n\r\n", read: 128, window: 4 << 10,
		},
		{
			name: "a thousand ranges", held: heldHead,
			first: get + "Range: bytes=" + overlapping(1000) + "\r\n\r\n",
			read:  128, window: 4 << 10,
		},
	}
}

// overlapping is n ranges, each of nearly everything.
func overlapping(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%d-", i)
	}
	return strings.Join(list, ",")
}

// crowd is a number of slow clients of a kind. A client that is thrown out comes back.
type crowd struct {
	kind     slowKind
	addr     string
	interval time.Duration
	gather   time.Duration // in which they come, one after the other

	opened, lost, refused atomic.Int64
}

func (c *crowd) run(ctx context.Context, n int) string {
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() {
			if pause(ctx, c.gather*time.Duration(i)/time.Duration(n)) == nil {
				c.client(ctx)
			}
		})
	}
	clients.Wait()
	return fmt.Sprintf("%d opened, %d thrown out, %d refused",
		c.opened.Load(), c.lost.Load(), c.refused.Load())
}

func (c *crowd) client(ctx context.Context) {
	for ctx.Err() == nil {
		conn, err := c.open(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.refused.Add(1)
			}
		} else {
			c.opened.Add(1)
			if c.annoy(ctx, conn) {
				c.lost.Add(1)
			}
			reset(conn)
		}
		if pause(ctx, c.interval) != nil {
			return
		}
	}
}

// open connects, with the receive buffer set before: it decides about the window that is announced.
func (c *crowd) open(ctx context.Context) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: probeLimit,
		Control: func(_, _ string, raw syscall.RawConn) (err error) {
			if c.kind.window == 0 {
				return nil
			}
			failed := raw.Control(func(fd uintptr) {
				err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET,
					syscall.SO_RCVBUF, c.kind.window)
			})
			if failed != nil {
				return failed
			}
			return err
		}}
	conn, err := d.DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// reset closes with RST, so that no port waits for what nobody wants any more.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0) // it fails for one that is closed already
	conn.Close()
}

// annoy does what the kind does, until ctx is over or the server has thrown the client out: true.
func (c *crowd) annoy(ctx context.Context, conn *net.TCPConn) bool {
	if _, err := io.WriteString(conn, c.kind.first); err != nil {
		return true
	}
	buf := make([]byte, max(c.kind.read, 1))
	for pause(ctx, c.interval) == nil {
		if c.kind.drip != "" {
			if _, err := io.WriteString(conn, c.kind.drip); err != nil {
				return true
			}
		}
		if c.kind.read > 0 {
			if err := conn.SetReadDeadline(time.Now().Add(c.interval)); err != nil {
				return true
			}
			if _, err := conn.Read(buf); err != nil && !isTimeout(err) {
				return true
			}
		}
	}
	return false
}

func isTimeout(err error) bool {
	t, ok := err.(net.Error)
	return ok && t.Timeout()
}
