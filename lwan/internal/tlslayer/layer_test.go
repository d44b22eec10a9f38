package tlslayer

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// each runs a test over each version, with a rig of its own.
func each(t *testing.T, test func(t *testing.T, r *rig)) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			client := clientConfig()
			client.MaxVersion = version
			test(t, newRig(t, serverConfig(t), client))
		})
	}
}

func TestSplitAtEveryByte(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		const words = 3
		text := strings.Repeat("0123456789", 10)
		probe := len(r.say(text))
		if got, err := r.open(r.say(text), 100); got != "" || err == nil { // that behind probe's
			t.Fatalf("a record was left out, and nobody saw: %q", got)
		}
		client := clientConfig()
		client.MaxVersion = r.client.ConnectionState().Version
		r = newRig(t, serverConfig(t), client)
		for at := range words * probe {
			var all []byte
			for range words {
				all = append(all, r.say(text)...)
			}
			if at > len(all) {
				break
			}
			first, err := r.open(all[:at], 33)
			if err != nil {
				t.Fatal(at, err)
			}
			second, err := r.open(all[at:], 33)
			if want := strings.Repeat(text, words); err != nil || first+second != want {
				t.Fatalf("split at %d: %q, %q, %v", at, first, second, err)
			}
			if whole := at / probe; len(first) != whole*len(text) {
				t.Fatalf("split at %d: %d bytes came with the first part", at, len(first))
			}
		}
	})
}

func TestByteByByte(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text := strings.Repeat("0123456789", 5000)
		all, got := r.say(text), ""
		for i := range all {
			part, err := r.open(all[i:i+1], 4096)
			if err != nil {
				t.Fatal(err)
			}
			got += part
		}
		if got != text {
			t.Errorf("%d bytes of %d came, or others", len(got), len(text))
		}
	})
}

// TestSmallBuffer reads many records in one piece with buffers of all sizes: what is left over is
// kept.
func TestSmallBuffer(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		for _, size := range []int{1, 7, 1000, 16 << 10, 100 << 10} {
			text := strings.Repeat("0123456789", 6000)
			in := r.say(text)
			got, err := r.open(in, size)
			if err != nil || got != text {
				t.Errorf("buffer of %d: %d bytes of %d, %v", size, len(got), len(text), err)
			}
		}
	})
}

// TestKeepsNothing: the Layer must not look at what it was given after Open has returned.
func TestKeepsNothing(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		text := strings.Repeat("0123456789", 6000)
		in, p := r.say(text), make([]byte, 500)
		n, err := r.server.Open(p, in)
		if err != nil {
			t.Fatal(err)
		}
		clear(in)
		rest, err := r.open(nil, 500)
		if got := string(p[:n]) + rest; err != nil || got != text {
			t.Errorf("%d bytes of %d, or others, %v", len(got), len(text), err)
		}
	})
}

func TestSealRecords(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		for _, tt := range []struct {
			bytes int
			rest  bool
			want  []int // plaintext of each record
		}{
			{100, false, []int{100}},
			{largeAfter - 100, false, repeatLast(smallRecord, 15, smallRecord-100)},
			{3 * largeRecord, false, []int{largeRecord, largeRecord, largeRecord}},
			{smallRecord + 1, true, []int{smallRecord, 1}},
		} {
			if tt.rest {
				r.server.Rest()
			}
			out := r.seal(strings.Repeat("x", tt.bytes))
			overhead := len(r.seal("")) // nothing
			if overhead != 0 {
				t.Fatal("no bytes took ", overhead)
			}
			sizes := records(t, out)
			if len(sizes) != len(tt.want) {
				t.Fatalf("%d bytes: records of %v, want %v", tt.bytes, sizes, tt.want)
			}
			for i, size := range sizes {
				if extra := size - tt.want[i]; extra < 16 || extra > 32 {
					t.Errorf("%d bytes: records of %v, want %v and a bit", tt.bytes, sizes, tt.want)
				}
			}
			if got, err := r.hear(out); err != nil || len(got) != tt.bytes {
				t.Errorf("the client has %d bytes of %d, %v", len(got), tt.bytes, err)
			}
		}
	})
}

func repeatLast(n, times, last int) (all []int) {
	for range times {
		all = append(all, n)
	}
	return append(all, last)
}

// records returns the lengths of the records in b, without their headers.
func records(t *testing.T, b []byte) (sizes []int) {
	t.Helper()
	for len(b) > 0 {
		n := int(b[3])<<8 | int(b[4])
		sizes, b = append(sizes, n), b[recordHeader+n:]
	}
	return sizes
}

func TestCloseNotifyAndTruncation(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		in := r.say("last words")
		if got, err := r.open(in, 100); got != "last words" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		if got, err := r.open(nil, 100); got != "" || err != nil { // as at a FIN: nothing more
			t.Errorf("without close_notify: %q, %v", got, err)
		}
		in = r.say("and more")
		if err := r.client.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		in = append(in, r.wire.take()...)
		got, err := r.open(in, 100)
		if got != "and more" || err != io.EOF {
			t.Errorf("with close_notify: %q, %v", got, err)
		}
		if _, err := r.open(nil, 100); err != io.EOF {
			t.Error("the end is forgotten: ", err)
		}
		out, err := r.server.Seal(nil, []byte("answer")) // the client has closed its side only
		if err != nil {
			t.Fatal(err)
		}
		out = r.server.Close(out)
		if got, err := r.hear(out); got != "answer" || err != io.EOF {
			t.Errorf("the client reads %q, %v", got, err)
		}
		if out, err := r.server.Seal(nil, []byte("x")); err == nil {
			t.Errorf("%d bytes behind the end", len(out))
		}
		if out := r.server.Close(nil); len(out) > 0 {
			t.Error("a second close_notify")
		}
	})
}

// TestTampered: a record that was changed ends the connection, and Close has the alert.
func TestTampered(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		in := r.say("text")
		in[len(in)-1] ^= 1
		if got, err := r.open(in, 100); err == nil || err == io.EOF || got != "" {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := r.open(r.say("text"), 100); err == nil {
			t.Error("the error is forgotten")
		}
		_, err := r.hear(r.server.Close(nil))
		op, ok := errors.AsType[*net.OpError](err)
		if !ok || !strings.Contains(op.Err.Error(), "bad record MAC") {
			t.Error("the client learns ", err)
		}
	})
}

func TestNoApplicationDataButRecords(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		if _, err := r.open([]byte("GET / HTTP/1.1\r\n\r\n"), 100); err == nil {
			t.Error("plain text was taken")
		}
	})
}

func TestRelease(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		in := r.say("first, second")
		p := make([]byte, 7)
		if n, err := r.server.Open(p, in); n != 7 || err != nil {
			t.Fatal(n, err)
		}
		half := r.say("third")
		if _, err := r.server.Open(p[:6], half[:9]); err != nil {
			t.Fatal(err)
		}
		here, there := wire()
		conn := r.server.Release(here)
		r.wire.over = there
		if _, err := there.Write(half[9:]); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 5)
		if _, err := io.ReadFull(conn, got); err != nil || string(got) != "third" {
			t.Fatalf("%q, %v", got, err)
		}
		if _, err := io.WriteString(conn, "answer"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 6)
		if _, err := io.ReadFull(r.client, answer); err != nil || string(answer) != "answer" {
			t.Fatalf("%q, %v", answer, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if n, err := r.client.Read(got); n != 0 || err != io.EOF {
			t.Error("the client reads ", n, err)
		}
	})
}
