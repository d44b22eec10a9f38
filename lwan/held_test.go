//go:build linux

package lwan

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Large bodies are held in buffers that are used again: the body of one answer must neither be cut
// nor show in a later one.
func TestHeldBodiesDoNotMix(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /{letter}/{size}", func(req *Request, resp *Response) Status {
		size, err := Param[int](req, "size")
		if err != nil {
			return resp.Fail(err)
		}
		piece := bytes.Repeat([]byte(req.Param("letter")), 1000)
		for left := size; left > 0; left -= len(piece) {
			resp.Write(piece[:min(left, len(piece))])
		}
		return StatusOK
	})
	addr := serveTest(t, srv)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			letter := string(rune('a' + i))
			for n := 1; n < 1<<20; n = n*2 + i {
				body := get(t, addr, fmt.Sprintf("/%s/%d", letter, n)).body
				if body != strings.Repeat(letter, n) {
					t.Errorf("%d bytes of %q: got %d bytes, %d of them right",
						n, letter, len(body), strings.Count(body, letter))
				}
			}
		})
	}
	clients.Wait()
}
