package tlslayer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// slow is a connection whose Write takes room bytes, and then the time is up.
type slow struct {
	net.Conn // nil: nobody calls the rest
	sent     bytes.Buffer
	room     int
	closed   bool
}

func (s *slow) Write(p []byte) (int, error) {
	n, _ := s.sent.Write(p[:min(len(p), s.room)])
	if s.room -= n; n < len(p) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

func (s *slow) SetWriteDeadline(time.Time) error { return nil }
func (s *slow) Close() error                     { s.closed = true; return nil }

// TestReleasedDeadline ends a Write anywhere in its records: what it has not counted can be written
// afterwards, and the peer reads all of it and the end.
func TestReleasedDeadline(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text := strings.Repeat("0123456789", 1500)
		client, server := clientConfig(), serverConfig(t)
		client.MaxVersion = r.client.ConnectionState().Version
		for room := range 16 { // in a header, in what follows, in the second record and in the last
			if room > 7 {
				room *= 1001
			}
			r := newRig(t, server, client)
			over := &slow{room: room}
			conn := r.server.Release(over)
			n, err := io.WriteString(conn, text)
			if room < len(text) && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("room for %d: wrote %d, %v", room, n, err)
			}
			over.room = 1 << 20
			if _, err := io.WriteString(conn, text[n:]+"goodbye"); err != nil {
				t.Fatalf("room for %d: %v", room, err)
			}
			if err := conn.Close(); err != nil || !over.closed {
				t.Fatal(err, over.closed)
			}
			got, err := r.hear(over.sent.Bytes())
			if got != text+"goodbye" || err != io.EOF {
				t.Fatalf("room for %d, %d counted: the client has %d bytes of %d, %v",
					room, n, len(got), len(text)+7, err)
			}
		}
	})
}

// TestReleasedCloseWithin: what says that nothing follows comes behind the rest of a record, or not
// at all.
func TestReleasedCloseWithin(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		for _, later := range []int{0, 10, 1 << 20} {
			client := clientConfig()
			client.MaxVersion = r.client.ConnectionState().Version
			r := newRig(t, serverConfig(t), client)
			over := &slow{room: 1000}
			conn := r.server.Release(over)
			if n, err := conn.Write(make([]byte, 3000)); err == nil {
				t.Fatal(n, "written")
			}
			over.room = later
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := r.hear(over.sent.Bytes())
			if whole := later == 1<<20; whole != (err == io.EOF) || !whole && err != nil {
				t.Errorf("room for %d more: the client hears %d bytes, %v", later, len(got), err)
			}
		}
	})
}

// TestReleasedExpired: nothing is sealed behind a deadline that is over, until there is another.
func TestReleasedExpired(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		over := &slow{room: 1 << 20}
		conn := r.server.Release(over)
		if err := conn.SetWriteDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if n, err := io.WriteString(conn, "x"); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(n, err)
		}
		if err := conn.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if n, err := io.WriteString(conn, "y"); n != 1 || err != nil {
			t.Error(n, err)
		}
		if got, err := r.hear(over.sent.Bytes()); got != "y" || err != nil {
			t.Error(got, err)
		}
	})
}

// TestReleasedKeyUpdates: a peer that lets answers to key updates pile up behind a deadline is
// left.
func TestReleasedKeyUpdates(t *testing.T) {
	r := newRig(t, serverConfig(t), clientConfig())
	over := &slow{}
	r.server.Release(over)
	var err error
	for n := 0; err == nil; n++ {
		if n > 100_000 {
			t.Fatal("all of it is kept")
		}
		_, err = r.server.c.Write(make([]byte, 27))
	}
	if len(r.server.c.out) > 2*maxKept {
		t.Error(len(r.server.c.out), "bytes are kept")
	}
}
