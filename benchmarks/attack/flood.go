package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// flooders is how many clients do the same at the same time.
const flooders = 8

// floods are attacks by mass.
func floods() []attack {
	hello := string(contract.Requests(contract.Hello)[0].Bytes("x", false))
	const chunked = "POST /post HTTP/1.1\r\nHost: x\r\nContent-Type: " +
		"application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	return []attack{
		flood("connect and reset", func(_ context.Context, conn *net.TCPConn) (int, error) {
			return 1, nil
		}),
		flood("half a request and reset", func(_ context.Context, conn *net.TCPConn) (int, error) {
			_, err := io.WriteString(conn, hello[:len(hello)/2])
			return 1, err
		}),
		flood("a request and reset", func(_ context.Context, conn *net.TCPConn) (int, error) {
			_, err := io.WriteString(conn, hello)
			return 1, err
		}),
		flood(fmt.Sprintf("%d requests in a pipeline", pipelined),
			func(_ context.Context, conn *net.TCPConn) (int, error) {
				return pipeline(conn, hello)
			}),
		flood("a pipeline that is not read",
			func(ctx context.Context, conn *net.TCPConn) (int, error) {
				return stuff(ctx, conn, hello)
			}),
		flood("chunks of a byte", func(_ context.Context, conn *net.TCPConn) (int, error) {
			return exchange(conn, chunked+strings.Repeat("1\r\nx\r\n", 20_000)+"0\r\n\r\n")
		}),
		flood("chunks with extensions", func(_ context.Context, conn *net.TCPConn) (int, error) {
			return exchange(conn,
				chunked+strings.Repeat("1;a=\"b;c\";d\r\nx\r\n", 1000)+"0\r\n\r\n")
		}),
		flood("the longest heads", func(_ context.Context, conn *net.TCPConn) (int, error) {
			return exchange(conn, longestHead())
		}),
		flood("paths that do not exist", missingFiles()),
	}
}

// flood lets many clients do something again and again, each on its own connection. Failures are
// counted: a server may refuse what is too much for it.
func flood(name string, do func(context.Context, *net.TCPConn) (done int, err error)) attack {
	return attack{name: name, bar: flooded,
		run: func(ctx context.Context, addr string) (string, error) {
			var done, failed, conns atomic.Int64
			var first atomic.Pointer[error]
			var clients sync.WaitGroup
			for range flooders {
				clients.Go(func() {
					for ctx.Err() == nil {
						n, err := once(ctx, addr, do)
						done.Add(int64(n))
						conns.Add(1)
						if err != nil && ctx.Err() == nil {
							failed.Add(1)
							first.CompareAndSwap(nil, &err)
						}
					}
				})
			}
			clients.Wait()
			if done.Load() == 0 {
				return "", fmt.Errorf("%s: of %d attempts none was of any use", name, conns.Load())
			}
			outcome := fmt.Sprintf("%d done on %d connections, %d failed",
				done.Load(), conns.Load(), failed.Load())
			if err := first.Load(); err != nil {
				outcome += ", the first: " + (*err).Error()
			}
			return outcome, nil
		}}
}

// once does it on a fresh connection, which is reset.
func once(
	ctx context.Context, addr string, do func(context.Context, *net.TCPConn) (int, error),
) (int, error) {
	c, err := net.DialTimeout("tcp", addr, probeLimit)
	if err != nil {
		return 0, err
	}
	conn := c.(*net.TCPConn)
	defer reset(conn)
	defer context.AfterFunc(ctx, func() { conn.Close() })() // ends whatever waits
	return do(ctx, conn)
}

// pipelined is how many requests come at once.
const pipelined = 100_000

// pipeline sends them without waiting for answers, which another goroutine counts. It returns how
// many were answered.
func pipeline(conn *net.TCPConn, request string) (int, error) {
	sent := make(chan error, 1)
	go func() { sent <- repeat(conn, request, pipelined) }()
	in := bufio.NewReader(conn)
	for n := range pipelined {
		if err := skipAnswer(in); err != nil {
			conn.Close()
			<-sent // the reason is known
			return n, err
		}
	}
	return pipelined, <-sent
}

// repeat sends a text n times, in large pieces.
func repeat(conn *net.TCPConn, text string, n int) error {
	const batch = 500
	piece := []byte(strings.Repeat(text, batch))
	for ; n >= batch; n -= batch {
		if _, err := conn.Write(piece); err != nil {
			return err
		}
	}
	_, err := io.WriteString(conn, strings.Repeat(text, n))
	return err
}

func skipAnswer(in *bufio.Reader) error {
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// stuff sends requests until the server takes no more of them, and then waits for the end. It reads
// nothing.
func stuff(ctx context.Context, conn *net.TCPConn, request string) (int, error) {
	piece := bytes.Repeat([]byte(request), 100)
	for sent := 0; ; {
		if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			return sent, err
		}
		n, err := conn.Write(piece)
		sent += n / len(request)
		if isTimeout(err) {
			return sent, pause(ctx, time.Hour)
		}
		if err != nil {
			return sent, err
		}
	}
}

// exchange sends something and reads the answer, whatever it is.
func exchange(conn *net.TCPConn, request string) (int, error) {
	if err := conn.SetDeadline(time.Now().Add(probeLimit)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return 1, err
}

// longestHead is within the default limits of golwan: 8 KiB for the line, 128 fields and 32 KiB for
// all of them. nginx takes four times 8 KiB in all and refuses it.
func longestHead() string {
	var b strings.Builder
	b.WriteString("GET /?" + strings.Repeat("a=1&", 2000) + " HTTP/1.1\r\nHost: x\r\nCookie: " +
		strings.Repeat("c=v; ", 1000) + "d=e\r\n")
	for i := range 120 {
		fmt.Fprintf(&b, "X-Field-%03d: %s\r\n", i, strings.Repeat("v", 200))
	}
	b.WriteString("\r\n")
	return b.String()
}

// missingFiles asks for another file that is not there each time.
func missingFiles() func(context.Context, *net.TCPConn) (int, error) {
	var n atomic.Int64
	return func(_ context.Context, conn *net.TCPConn) (int, error) {
		const batch = 100
		in := bufio.NewReader(conn)
		for done := range batch {
			path := fmt.Sprintf("%s%d-%s", contract.FilesPath, n.Add(1), strings.Repeat("x", 200))
			if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
				return done, err
			}
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				return done, err
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				return done, err
			}
		}
		return batch, nil
	}
}
