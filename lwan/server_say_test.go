//go:build linux

package lwan

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"testing"
)

// TestRunSaysSo: one line when the server serves, with its addresses, and one when it has stopped,
// with what was under way when it was told to.
func TestRunSaysSo(t *testing.T) {
	dir, err := os.MkdirTemp("", "lwan") // t.TempDir's names are longer than a socket's may be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	out := new(syncBuffer)
	srv := &Server{
		Loops: 1, MaxConns: 77, Log: slog.New(slog.NewTextHandler(out, nil)),
		Endpoints: []Endpoint{{Addr: "127.0.0.1:0"}, {Addr: "unix:" + dir + "/s"}},
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		close(begun)
		<-goOn
		return 204
	}, Blocking)
	closed := ""
	srv.OnClose(func() error { // the log is whole now, which might be closed here
		closed = out.String()
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	received(t, srv.Ready())
	w := dial(t, srv.Addrs()[0].String())
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	received(t, begun)
	settled(t, "requests under way", 1, func() int64 { return srv.Stats().Conns.Active })
	stop()
	settled(t, "the end has begun", 1, func() int64 {
		srv.life.mu.Lock()
		defer srv.life.mu.Unlock()
		if srv.life.state == lifeEnding {
			return 1
		}
		return 0
	})
	close(goOn)
	w.want("GET", 204, "")
	w.c.Close()
	if err := received(t, ended); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`level=INFO msg=listening at="http://127\.0\.0\.1:\d+ unix:/\S+/s" golwan=\S+ go=go\S+ ` +
			`loops=\d goroutines=4096 conns=77 body=1048576\n`,
		`level=INFO msg=stopped requests=1 drained=1 subscribers=0 idle=\d+ took=\S+\n`,
	} {
		if n := len(regexp.MustCompile(want).FindAllString(closed, -1)); n != 1 {
			t.Errorf("%d lines %s in %s", n, want, closed)
		}
	}
}
