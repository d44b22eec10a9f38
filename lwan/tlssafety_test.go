//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/tlslayer"
)

// held is what the process holds, of heap and stacks.
func held() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes in two
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// slowClients connects n clients, then lets each say the beginning of a handshake, and measures
// what that takes of the server. Each is to be gone when its time is up.
func slowClients(t *testing.T, n int, say []byte, most int64) {
	srv := &Server{Loops: 1}
	clock := stopTime(srv)
	srv.Handle("GET /about", aboutHandler)
	addr := overTLS(t, srv, nil)
	tlsClient(t, addr).open("/about")
	settledNow(t, func() bool { // a loop counts before it sleeps, not before it answers
		s := srv.Stats()
		return s.Requests == 1 && s.Conns.Idle == 1
	})
	before := srv.Stats()
	all := make([]net.Conn, n)
	for i := range all {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all[i] = c
	}
	settledNow(t, func() bool { return srv.Stats().Accepted == before.Accepted+int64(n) })
	empty, goroutines := held(), runtime.NumGoroutine()
	for _, c := range all {
		if _, err := c.Write(say); err != nil {
			t.Fatal(err)
		}
	}
	settledNow(t, func() bool {
		return srv.Stats().BytesIn == before.BytesIn+int64(n*len(say))
	})
	if whole, _ := tlslayer.Hello(say); whole == 0 {
		for _, c := range all { // has the server's flight, or the beginning of it
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if raceDetector { // which holds some of it
		most *= 2
	}
	each := (held() - empty) / int64(n)
	t.Logf("%d bytes for each of %d", each, n)
	if each > most {
		t.Errorf("each takes %d bytes, at most %d are allowed", each, most)
	}
	if len(say) < 1000 {
		fewerGoroutines(t, goroutines+5)
	}
	tlsClient(t, addr).open("/about") // somebody honest
	clock.advance(defaultHandshake + 2*time.Second)
	settledNow(t, func() bool {
		s := srv.Stats()
		return s.Secure.Failed == int64(n) && s.Secure.Pending == 0
	})
}

// TestHalfHellos: a client that has said half of its first record is bytes, and no worker.
func TestHalfHellos(t *testing.T) {
	hello := clientHello(t)
	slowClients(t, 1000, hello[:min(len(hello)/2, 300)], 1<<10)
}

// TestStalledHandshakes: one that has had the server's flight, and answers nothing.
func TestStalledHandshakes(t *testing.T) {
	slowClients(t, 1000, clientHello(t), 44<<10)
}

// sealer makes records of TLS 1.3 as a client would that goes on behind its handshake.
type sealer struct {
	aead cipher.AEAD
	iv   []byte
	seq  uint64
}

// newSealer takes the keys that a client has logged.
func newSealer(t *testing.T, log string) *sealer {
	t.Helper()
	for line := range strings.Lines(log) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "CLIENT_TRAFFIC_SECRET_0" {
			continue
		}
		secret, err := hex.DecodeString(words[2])
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(expandLabel(t, secret, "key", 16))
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		return &sealer{aead: aead, iv: expandLabel(t, secret, "iv", 12)}
	}
	t.Fatal("no secret of the client's")
	return nil
}

// expandLabel is HKDF-Expand-Label (RFC 8446 section 7.1) without a context.
func expandLabel(t *testing.T, secret []byte, label string, n int) []byte {
	t.Helper()
	info := append([]byte{0, byte(n), byte(len(label) + 6)}, "tls13 "+label...)
	out, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *sealer) record(kind byte, text []byte) []byte {
	inner := append(bytes.Clone(text), kind)
	n := len(inner) + s.aead.Overhead()
	header := []byte{23, 3, 3, byte(n >> 8), byte(n)}
	nonce := bytes.Clone(s.iv)
	for i := range 8 {
		nonce[len(nonce)-1-i] ^= byte(s.seq >> (8 * i))
	}
	s.seq++
	return s.aead.Seal(header, nonce, inner, header)
}

// TestFloodsOfRecords: records that say nothing end the connection long before there are 10,000.
func TestFloodsOfRecords(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.Handle("GET /about", aboutHandler)
	addr := overTLS(t, srv, nil)
	for name, make := range map[string]func(s *sealer) []byte{
		"empty":        func(s *sealer) []byte { return s.record(23, nil) },
		"alert":        func(s *sealer) []byte { return s.record(21, []byte{1, 90}) }, // user_canceled
		"renegotiates": func(s *sealer) []byte { return s.record(22, []byte{0, 0, 0, 0}) },
		"clear":        func(*sealer) []byte { return []byte{21, 3, 3, 0, 2, 1, 0} },
	} {
		var log bytes.Buffer
		cfg := clientTLS()
		cfg.KeyLogWriter = &log
		conn := dialTLS(t, addr, cfg)
		if suite := conn.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
			t.Skip("skipped: this machine's TLS prefers ", tls.CipherSuiteName(suite))
		}
		raw, s := conn.NetConn(), newSealer(t, log.String())
		// the way in which the records are made is right
		if _, err := raw.Write(s.record(23, []byte("GET /about HTTP/1.1\r\nHost: site\r\n\r\n"))); err != nil {
			t.Fatal(err)
		}
		newClient(t, conn).want("GET", 200, "HTTP/1.1 https site site")
		before := srv.Stats().BytesIn
		sent := 0
		for range 10_000 {
			n, err := raw.Write(make(s))
			if sent += n; err != nil {
				break
			}
		}
		if _, err := io.Copy(io.Discard, raw); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection goes on", name)
		}
		settledNow(t, func() bool { return srv.Stats().Conns.Idle+srv.Stats().Conns.Active == 0 })
		t.Logf("%s: %d bytes were sent, and %d read", name, sent, srv.Stats().BytesIn-before)
	}
	tlsClient(t, addr).open("/about")
}

// openssl runs s_client against a server. what is written to it slowly, as commands of its own are
// known at the beginning of what it reads at once.
func openssl(t *testing.T, addr net.Addr, pieces []string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", append([]string{
		"s_client", "-connect", addr.String(), "-servername", "site",
	}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, p := range pieces {
			time.Sleep(300 * time.Millisecond) // else they come as one
			_, _ = io.WriteString(in, p)
		}
	}()
	_ = cmd.Wait() // what it says counts
	return out.String()
}

// TestOpenSSL: versions, groups, resumption, key updates, and renegotiation, which is refused.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("skipped: openssl is not installed")
	}
	t.Parallel()
	srv := &Server{}
	srv.Handle("GET /about", aboutHandler)
	addr := overTLS(t, srv, nil)
	last := "GET /about HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n"
	first := "GET /about HTTP/1.1\r\nHost: site\r\n\r\n"
	session := filepath.Join(t.TempDir(), "session")
	for i, tt := range []struct {
		pieces []string
		args   []string
		want   string // ~: must not be there
	}{
		{[]string{last}, []string{"-tls1_2"}, "HTTP/1.1 https site site"},
		{[]string{last}, []string{"-tls1_3"}, "HTTP/1.1 https site site"},
		{[]string{last}, []string{"-tls1_3", "-groups", "P-256"}, "HTTP/1.1 https site site"},
		{[]string{last}, []string{"-tls1_3", "-groups", "X25519:P-256"}, "https site site"},
		{[]string{last}, []string{"-alpn", "http/1.1"}, "ALPN protocol: http/1.1"},
		{[]string{last}, []string{"-alpn", "h2,http/1.1"}, "ALPN protocol: http/1.1"},
		{nil, []string{"-alpn", "smtp"}, "alert no application protocol"},
		{nil, []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, "~BEGIN SESSION"},
		{[]string{last}, []string{"-tls1_3", "-sess_out", session}, "New, TLSv1.3"},
		{[]string{last}, []string{"-tls1_3", "-sess_in", session}, "Reused, TLSv1.3"},
		{[]string{last}, []string{"-tls1_2", "-sess_out", session}, "New, TLSv1.2"},
		{[]string{last}, []string{"-tls1_2", "-sess_in", session}, "Reused, TLSv1.2"},
		{[]string{first, "K\n", first, "k\n", last}, []string{"-tls1_3"}, "KEYUPDATE"},
		{[]string{first, "R\n", last}, []string{"-tls1_2"}, "RENEGOTIATING"},
	} {
		got := openssl(t, addr, tt.pieces, tt.args...)
		name := fmt.Sprint(i, " ", tt.args)
		want, absent := strings.CutPrefix(tt.want, "~")
		if strings.Contains(got, want) == absent {
			t.Errorf("%s: %q is not there:\n%s", name, tt.want, got)
		}
		switch answers := strings.Count(got, "HTTP/1.1 https site site"); {
		case tt.want == "KEYUPDATE" && answers != 3, tt.want == "RENEGOTIATING" && answers != 1:
			t.Errorf("%s: %d answers:\n%s", name, answers, got)
		}
	}
}

// TestEndOfHangingCallbacks: a callback that does not return holds up no end that has no time, and
// what it leaves behind goes when it returns.
func TestEndOfHangingCallbacks(t *testing.T) {
	t.Parallel()
	cert := authority().issue(t, certSpec{name: "site", hosts: []string{"site"}})
	for _, strict := range []bool{false, true} {
		t.Run(fmt.Sprint("strict ", strict), func(t *testing.T) {
			t.Parallel()
			hold, in := make(chan struct{}), make(chan struct{}, 1)
			cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
				in <- struct{}{}
				<-hold
				return &cert, nil
			}}
			if strict {
				cfg.ClientAuth = tls.RequestClientCert
			}
			srv := &Server{Loops: 1, Log: slog.New(slog.DiscardHandler), Endpoints: []Endpoint{
				{Addr: "127.0.0.1:0", TLS: cfg, Protocols: HTTP1},
			}}
			ended := make(chan error, 1)
			go func() { ended <- srv.ListenAndServe() }()
			received(t, srv.Ready())
			done := make(chan error, 1)
			go func() {
				_, err := tls.Dial("tcp", srv.Addrs()[0].String(), clientTLS())
				done <- err
			}()
			received(t, in)
			if err := srv.Close(); err == nil {
				t.Error("Close says nothing of what hangs")
			}
			received(t, ended)
			close(hold)
			if err := received(t, done); err == nil {
				t.Error("a handshake was done behind the end")
			}
		})
	}
}
