//go:build linux && !race && !golwan_nethttp

package lwan

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2AllocatesNothing: a stream whose handler never waits costs no allocation, with a body that
// comes along with its head or without. (HPACK's decoder makes a string of each field that comes
// for the first time.) The client of this test allocates nothing either, so what the process
// allocates is the server's.
func TestH2AllocatesNothing(t *testing.T) {
	if debugBuild {
		t.Skip("with lwandebug nothing is used again")
	}
	srv := &Server{Loops: 1}
	srv.Handle("/hello", func(req *Request, resp *Response) Status {
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "hello")
	})
	addr := serveH2(t, srv)
	t.Run("GET", func(t *testing.T) { streamAllocations(t, addr, "") })
	t.Run("POST", func(t *testing.T) { streamAllocations(t, addr, fill(100)) })
}

const (
	streamsAtOnce  = 16
	streamsOfATest = 24_000
)

func streamAllocations(t *testing.T, addr, body string) {
	h := dialH2(t, addr)
	h.get(1, "/hello") // what it names is in the table from then on, as with any client
	h.want(1, "200", "hello")
	batch, at := streamBatch(h, body)
	buf := make([]byte, 64<<10)
	size, id := 0, uint32(3)
	run := func(rounds int) {
		for range rounds {
			for _, p := range at { // a stream has one or two frames
				binary.BigEndian.PutUint32(batch[p.at:], id+p.stream*2)
			}
			id += 2 * streamsAtOnce
			if _, err := h.Conn.Write(batch); err != nil {
				t.Fatal(err)
			}
			size = readAnswers(t, h.Conn, buf, size)
		}
	}
	run(200)
	// a collection empties pools, which would be counted
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(streamsOfATest / streamsAtOnce)
	runtime.ReadMemStats(&after)
	if got := float64(after.Mallocs-before.Mallocs) / streamsOfATest; got >= 0.02 {
		t.Errorf("%.4f allocations a stream", got)
	} else {
		t.Logf("%.5f allocations a stream", got)
	}
}

// streamPlace is where the number of a stream stands in a batch.
type streamPlace struct {
	at     int
	stream uint32
}

// streamBatch is the frames of some requests, and the windows for their answers.
func streamBatch(h *h2conn, body string) (batch []byte, at []streamPlace) {
	method := "GET"
	if body != "" {
		method = "POST"
	}
	block := h.block(method, "/hello")
	for i := range uint32(streamsAtOnce) {
		at = append(at, streamPlace{len(batch) + 5, i})
		flags := uint8(h2frame.EndHeaders)
		if body == "" {
			flags |= h2frame.EndStream
		}
		batch = append(batch, h2bytes(h2frame.Headers, flags, 0, block)...)
		if body != "" {
			at = append(at, streamPlace{len(batch) + 5, i})
			batch = append(batch, h2data(0, true, body)...)
		}
	}
	return append(batch, h2frame.AppendWindowUpdate(nil, 0, 5*streamsAtOnce)...), at
}

// readAnswers reads as many frames of content as there are streams; left bytes of a frame are in
// buf already. It returns how many there are now.
func readAnswers(t *testing.T, c net.Conn, buf []byte, left int) int {
	for answers := 0; answers < streamsAtOnce; {
		f, n, bad := h2frame.Parse(buf[:left])
		switch {
		case bad.Bad():
			t.Fatal(bad)
		case n == 0:
			m, err := c.Read(buf[left:])
			if err != nil && err != io.EOF || m == 0 {
				t.Fatal(err)
			}
			left += m
			continue
		case f.Type == h2frame.GoAway, f.Type == h2frame.RstStream:
			t.Fatalf("%+v", f)
		case f.Type == h2frame.Data && f.Is(h2frame.EndStream):
			answers++
		}
		left = copy(buf, buf[n:left])
	}
	return left
}
