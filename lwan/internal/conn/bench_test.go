//go:build linux

package conn

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// BenchmarkPark parks a worker and resumes it: two switches, and a look at what else there is to
// do.
func BenchmarkPark(b *testing.B) {
	for name, mode := range map[string]loop.Threads{"pinned": loop.Pinned, "free": loop.Free} {
		b.Run(name, func(b *testing.B) {
			r := run(b, &script{serve: lines(func(c *served, _ string) Verdict {
				b.ResetTimer()
				for range b.N {
					c.Worker().Pause()
				}
				b.StopTimer()
				c.Write([]byte("done\n"))
				return Idle
			})}, Config{Threads: mode})
			p := r.dial()
			p.Conn.SetDeadline(noDeadline)
			b.ReportAllocs()
			p.send("go\n")
			p.want("done")
		})
	}
}

// BenchmarkOffload hands a request to a goroutine and waits for it.
func BenchmarkOffload(b *testing.B) {
	work := make(chan func())
	defer close(work)
	go func() {
		for f := range work {
			f()
		}
	}()
	r := run(b, &script{serve: lines(func(c *served, _ string) Verdict {
		b.ResetTimer()
		for range b.N {
			c.Worker().Offload(func(run func()) bool { work <- run; return true }, func() {})
		}
		b.StopTimer()
		c.Write([]byte("done\n"))
		return Idle
	})}, Config{})
	p := r.dial()
	p.Conn.SetDeadline(noDeadline)
	b.ReportAllocs()
	p.send("go\n")
	p.want("done")
}

// BenchmarkDo runs functions on a loop, each after the one before: a wake-up of a sleeping loop and
// one of the caller.
func BenchmarkDo(b *testing.B) {
	r := run(b, &script{}, Config{})
	b.ReportAllocs()
	for b.Loop() {
		r.do(func(*Set) {})
	}
}

// BenchmarkEcho is a round trip on one connection, and on 64 at a time; without the engine, for
// comparison, on a plain goroutine of package net.
func BenchmarkEcho(b *testing.B) {
	b.Run("1", func(b *testing.B) { benchmarkEcho(b, engineAddr(b), 1) })
	b.Run("64", func(b *testing.B) { benchmarkEcho(b, engineAddr(b), 64) })
	b.Run("1, package net", func(b *testing.B) { benchmarkEcho(b, netAddr(b), 1) })
	b.Run("64, package net", func(b *testing.B) { benchmarkEcho(b, netAddr(b), 64) })
}

func engineAddr(b *testing.B) net.Addr {
	return run(b, &pingProtocol{}, Config{}).lane.Addr()
}

// netAddr serves as engineAddr does, with a goroutine for each connection.
func netAddr(b *testing.B) net.Addr {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr()
}

func benchmarkEcho(b *testing.B, addr net.Addr, n int) {
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, c := range conns {
		wg.Go(func() {
			if err := pings(c, (b.N+i)/n); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

// pings makes n round trips.
func pings(c net.Conn, n int) error {
	buf := make([]byte, 64)
	for range n {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	return nil
}

// pingProtocol echoes from a buffer of the worker.
type pingProtocol struct {
	script
	wait bool   // a worker parks once a request
	big  []byte // comes behind what is echoed
}

func (p *pingProtocol) NewState(*loop.Worker) any { return new([4096]byte) }
func (p *pingProtocol) Waits(*loop.Worker)        {}

func (p *pingProtocol) Serve(w *loop.Worker, c Conn, _ Why) Verdict {
	buf := w.State.(*[4096]byte)
	n, err := c.TryRead(buf[:])
	switch {
	case err == transport.ErrAgain:
		return Idle
	case err != nil || n == 0:
		return Close
	case p.wait:
		w.Pause()
	}
	if p.big != nil {
		_, err = c.Writev(&w.Task, buf[:n], p.big, 0)
	} else {
		_, err = c.Write(&w.Task, buf[:n], 0)
	}
	if err != nil {
		return Close
	}
	c.Expire(30)
	return Idle
}
