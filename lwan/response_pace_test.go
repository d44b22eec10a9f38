//go:build linux

package lwan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestBucket: what is taken has to wait for what was taken before it, and an idle bucket saves
// nothing up.
func TestBucket(t *testing.T) {
	b := NewBucket(1000)
	const second = int64(time.Second)
	begin := time.Now()
	for i, tt := range []struct {
		at   int64
		n    int64
		wait time.Duration
	}{
		{0, 500, 0},
		{0, 500, 500 * time.Millisecond},
		{0, 1000, time.Second},
		{second, 1, time.Second},
		{10 * second, 100, 0},
		{10 * second, 100, 100 * time.Millisecond},
		{10*second + second/10, 100, 100 * time.Millisecond},
	} {
		if got := b.take(tt.n, begin.Add(time.Duration(tt.at))); got != tt.wait {
			t.Errorf("%d: wait %v, want %v", i, got, tt.wait)
		}
	}
}

// TestPace: whole answers, streams and files arrive whole, and no sooner than their pace allows.
func TestPace(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		const size = 96 << 10
		body := strings.Repeat("0123456789abcdef", size/16)
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		srv := &Server{}
		pace := Pace{BytesPerSecond: 256 << 10, After: 32 << 10}
		mw = append(mw, WithPace(pace))
		srv.Handle("/whole", text(body), mw...)
		srv.Handle("/stream", func(req *Request, resp *Response) Status {
			for i := 0; i < size; i += size / 8 {
				resp.WriteString(body[i : i+size/8])
				if err := resp.Flush(); err != nil {
					return resp.Fail(err)
				}
			}
			return 200
		}, mw...)
		srv.Handle("/file", func(req *Request, resp *Response) Status {
			if err := resp.SendFile(f, 0, size); err != nil {
				return resp.Fail(err)
			}
			return 200
		}, mw...)
		srv.Handle("/shared", text(body), append(mw[:len(mw)-1:len(mw)-1],
			WithPace(Pace{After: 32 << 10, Shared: []*Bucket{NewBucket(256 << 10)}}))...)
		srv.Handle("/none", text(body), append(mw, WithPace(Pace{}))...)
		addr := serveTest(t, srv)
		for _, path := range []string{"/whole", "/stream", "/file", "/shared"} {
			begin := time.Now()
			a := get(t, addr, path)
			// 64 KiB at 256 KiB/s, but for the last piece
			if took := time.Since(begin); took < 100*time.Millisecond {
				t.Errorf("%s took %v", path, took)
			}
			if a.status != 200 || a.body != body || a.err != nil {
				t.Errorf("%s: %v, %d bytes", path, a, len(a.body))
			}
			c := dial(t, addr)
			c.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
			c.want("HEAD", 200, "")
		}
		if a := get(t, addr, "/none"); a.body != body {
			t.Errorf("without a pace: %v", a)
		}
	})
}

// TestPaceOfHalfClosed: a client that has closed its side gets the rest, and one that is gone ends
// the wait.
func TestPaceOfHalfClosed(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		if !onLoops {
			t.Skip("net/http ends the request of a client that has closed its side")
		}
		srv := &Server{}
		body := strings.Repeat("x", 32<<10)
		srv.Handle("/", text(body), append(mw, WithPace(Pace{BytesPerSecond: 128 << 10}))...)
		outcome := make(observed, 2)
		srv.Observe(outcome)
		addr := serveTest(t, srv)
		c := dial(t, addr)
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.closeWrite()
		c.want("GET", 200, body)
		<-outcome
		c = dial(t, addr)
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.head("GET")
		c.reset()
		if got := <-outcome; !strings.Contains(got, "200") || strings.HasSuffix(got, "<nil>") {
			t.Errorf("after the client has left: %s", got)
		}
	})
}
