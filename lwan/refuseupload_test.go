//go:build linux

package lwan

import (
	"fmt"
	"strings"
	"testing"
)

// TestRefusedUpload: a client that sends all of a large body before it reads learns why it was
// refused.
func TestRefusedUpload(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	body := strings.Repeat("x", size)
	srv := &Server{}
	srv.Handle("POST /forbidden", func(*Request, *Response) Status { return StatusForbidden })
	srv.Handle("POST /large", func(req *Request, resp *Response) Status {
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		return StatusNoContent
	})
	srv.Handle("POST /blocking", func(*Request, *Response) Status { return StatusForbidden },
		Blocking)
	srv.Handle("POST /stream", func(req *Request, resp *Response) Status {
		resp.WriteString("no")
		if err := resp.SendHead(StatusForbidden); err != nil {
			return resp.Fail(err)
		}
		return StatusOK
	})
	addr := serveTest(t, srv)
	for path, status := range map[string]int{
		"/forbidden": 403, "/large": 413, "/blocking": 403, "/stream": 403, "/none": 404,
	} {
		for framing, raw := range map[string]string{
			"length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, body),
			"chunks": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				size, body),
		} {
			w := dial(t, addr)
			w.send("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + raw)
			if a := w.answer("POST"); a.status != status || a.err != nil {
				t.Errorf("%s, %s: %v", path, framing, a)
			}
			w.c.Close()
		}
	}
}
