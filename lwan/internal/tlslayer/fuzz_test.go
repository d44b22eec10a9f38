package tlslayer

import (
	"crypto/tls"
	"testing"
)

// FuzzOpen gives a connection that has just begun bytes of a stranger's, in pieces, between records
// of its client. No text may come of them, nothing may be forgotten that came before, and whatever
// happens Close and Seal go on.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{}, 1, false)
	f.Add([]byte{23, 3, 3, 0, 5, 1, 2, 3, 4, 5}, 3, true)
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0}, 7, false)
	f.Add([]byte{20, 3, 3, 0, 1, 1}, 2, true)
	f.Add([]byte{22, 3, 3, 64, 0}, 5, true)
	server := map[bool]*tls.Config{false: serverConfig(f), true: serverConfig(f)}
	f.Fuzz(func(t *testing.T, strange []byte, piece int, old bool) {
		client := clientConfig()
		if old {
			client.MaxVersion = tls.VersionTLS12
		}
		r := newRig(t, server[old], client)
		got, err := r.open(r.say("before"), 3)
		if got != "before" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		piece = max(piece%100, 1)
		for in := strange; len(in) > 0 && err == nil; {
			n := min(piece, len(in))
			got, err = r.open(in[:n], 64)
			if got != "" {
				t.Fatalf("text of nobody's: %q", got)
			}
			in = in[n:]
		}
		if len(strange) == 0 {
			if got, err := r.open(r.say("after"), 3); got != "after" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if _, err := r.server.Seal(nil, []byte("x")); err != nil && len(strange) == 0 {
			t.Error(err)
		}
		r.server.Close(nil)
	})
}

// FuzzHello compares Hello with what crypto/tls makes of the same bytes: it must not refuse what
// that would take.
func FuzzHello(f *testing.F) {
	here, there := wire()
	go func() {
		_ = tls.Client(there, clientConfig()).Handshake() // it ends when the connection is closed
	}()
	hello := make([]byte, 4<<10)
	n, err := here.Read(hello)
	if err != nil {
		f.Fatal(err)
	}
	_ = here.Close()
	f.Add(hello[:n])
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	config := serverConfig(f)
	f.Fuzz(func(t *testing.T, first []byte) {
		missing, err := Hello(first)
		whole := len(first) + missing
		if missing < 0 || missing > 0 && (err != nil || whole > recordHeader+maxHello) {
			t.Fatalf("%d, %v", missing, err)
		}
		if err == nil {
			return
		}
		here, there := wire()
		_ = there.Close() // so that reading ends
		seen := false
		config := config.Clone()
		config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			seen = true
			return nil, nil
		}
		if _, err := Server(here, first, config); err == nil || seen {
			t.Errorf("crypto/tls takes %x", first)
		}
	})
}
