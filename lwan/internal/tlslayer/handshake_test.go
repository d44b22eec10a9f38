package tlslayer

import (
	"crypto/tls"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

func TestState(t *testing.T) {
	each(t, func(t *testing.T, r *rig) {
		s := r.server.State()
		version := r.client.ConnectionState().Version
		if !s.HandshakeComplete || s.ServerName != "site" || s.Version != version || s.DidResume {
			t.Errorf("%+v", s)
		}
	})
}

// TestFirst: what was read of the connection before the handshake is part of it, however much that
// is; and a request that comes with the last flight is there at once.
func TestFirst(t *testing.T) {
	for _, size := range []int{1, 5, 6, 100, 1 << 20} {
		here, there := wire()
		client := tls.Client(there, clientConfig())
		sent := make(chan error, 1)
		go func() {
			_, err := io.WriteString(client, "GET /") // after the handshake
			sent <- err
		}()
		hello := make([]byte, 0, 2<<10)
		for missing := recordHeader; missing > 0; {
			n, err := here.Read(hello[len(hello) : len(hello)+missing])
			if err != nil {
				t.Fatal(err)
			}
			hello = hello[:len(hello)+n]
			if missing, err = Hello(hello); err != nil {
				t.Fatal(err)
			}
		}
		size = min(size, len(hello))
		var rest = hello[size:]
		l, err := Server(&behind{here, rest}, hello[:size], serverConfig(t))
		if err != nil {
			t.Fatal(size, err)
		}
		clear(hello)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		n, err := l.Open(p, here.waiting())
		if string(p[:n]) != "GET /" || err != nil {
			t.Errorf("%d bytes first: %q, %v", size, p[:n], err)
		}
	}
}

// behind is a connection that has some bytes to be read before the others.
type behind struct {
	*end
	before []byte
}

func (b *behind) Read(p []byte) (int, error) {
	if len(b.before) > 0 {
		n := copy(p, b.before)
		b.before = b.before[n:]
		return n, nil
	}
	return b.end.Read(p)
}

func TestClientCertificates(t *testing.T) {
	for name, version := range versions {
		server, client := serverConfig(t), clientConfig()
		server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, authority().pool()
		client.MaxVersion = version
		client.Certificates = []tls.Certificate{authority().issue(t, "user", ecKey(t))}
		r := newRig(t, server, client)
		chains := r.server.State().VerifiedChains
		if len(chains) == 0 || chains[0][0].Subject.CommonName != "user" {
			t.Errorf("%s: %v", name, chains)
		}
		for _, tt := range []struct {
			certs []tls.Certificate
			want  string
		}{
			{nil, "didn't provide a certificate"},
			{[]tls.Certificate{newIssuer("authority").issue(t, "user", ecKey(t))}, "authority"},
		} {
			client := clientConfig()
			client.MaxVersion = version
			shown := &tls.Certificate{} // whatever the server says that it would take
			if len(tt.certs) > 0 {
				shown = &tt.certs[0]
			}
			type wish = tls.CertificateRequestInfo
			client.GetClientCertificate = func(*wish) (*tls.Certificate, error) {
				return shown, nil
			}
			_, err, _ := shake(t, server, client)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", name, err, tt.want)
			}
		}
	}
}

func TestResumption(t *testing.T) {
	for name, version := range versions {
		server, client := serverConfig(t), clientConfig()
		server.SetSessionTicketKeys([][32]byte{{1}})
		client.MaxVersion, client.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		for round, want := range []bool{false, true, true, false} {
			if round == 3 {
				server.SetSessionTicketKeys([][32]byte{{2}})
			}
			r := newRig(t, server, client)
			if _, err := r.hear(nil); err != nil { // the tickets
				t.Fatal(err)
			}
			if got := r.server.State().DidResume; got != want {
				t.Errorf("%s, connection %d: resumed %v", name, round, got)
			}
			if got, err := r.open(r.say("text"), 100); got != "text" || err != nil {
				t.Errorf("%s, connection %d: %q, %v", name, round, got, err)
			}
		}
	}
}

func TestOldVersionsAreRefused(t *testing.T) {
	client := clientConfig()
	client.MinVersion, client.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	server := serverConfig(t)
	server.MinVersion = tls.VersionTLS12
	if _, err, theirs := shake(t, server, client); err == nil || theirs == nil {
		t.Error(err, theirs)
	}
}

func TestPlainClient(t *testing.T) {
	here, there := wire()
	if _, err := io.WriteString(there, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_, err := Server(here, nil, serverConfig(t))
	if _, ok := errors.AsType[tls.RecordHeaderError](err); !ok {
		t.Error(err)
	}
}

func TestHello(t *testing.T) {
	record := func(length int) []byte {
		return append([]byte{22, 3, 1, byte(length >> 8), byte(length)}, make([]byte, length)...)
	}
	for _, tt := range []struct {
		in      []byte
		missing int
		err     error
	}{
		{nil, 5, nil},
		{record(517)[:1], 4, nil},
		{record(517)[:4], 1, nil},
		{record(517)[:5], 517, nil},
		{record(517)[:521], 1, nil},
		{record(517), 0, nil},
		{append(record(517), 1, 2, 3), 0, nil},
		{record(maxHello), 0, nil},
		{record(maxHello + 1)[:5], 0, ErrPlain},
		{record(0), 0, ErrPlain},
		{[]byte("G"), 0, ErrPlain},
		{[]byte{22, 2}, 3, nil}, // RFC 8446 section 5.1: the version has to be ignored
		{[]byte("\x16GET"), 0, ErrPlain},
		{[]byte{0x80, 0x2e, 1, 3, 1}, 0, ErrPlain}, // SSL 2
	} {
		if missing, err := Hello(tt.in); missing != tt.missing || err != tt.err {
			t.Errorf("%d bytes %x: %d, %v", len(tt.in), tt.in[:min(len(tt.in), 5)], missing, err)
		}
	}
}

// TestMemoryAtRest measures what a connection keeps. The bounds are of the heap, and a fifth above
// what was measured.
func TestMemoryAtRest(t *testing.T) {
	const conns = 200
	request := strings.Repeat("x", 300)
	for _, tt := range []struct {
		name    string
		version uint16
		upload  int
		most    int
	}{
		{"1.2", tls.VersionTLS12, 0, 8 << 10},
		{"1.3", tls.VersionTLS13, 0, 9 << 10},
		{"1.3 after an upload", tls.VersionTLS13, 1 << 20, 44 << 10},
	} {
		server, client := serverConfig(t), clientConfig()
		client.MaxVersion = tt.version
		layers := make([]*Layer, 0, conns)
		before := liveHeap()
		for range conns {
			r := newRig(t, server, client)
			for range 2 {
				if _, err := r.open(r.say(request), 4<<10); err != nil {
					t.Fatal(err)
				}
				if _, err := r.hear(r.seal(request)); err != nil {
					t.Fatal(err)
				}
			}
			for sent := 0; sent < tt.upload; sent += 64 << 10 {
				if _, err := r.open(r.say(strings.Repeat("x", 64<<10)), 64<<10); err != nil {
					t.Fatal(err)
				}
			}
			r.server.Rest()
			layers = append(layers, r.server)
		}
		each := (liveHeap() - before) / conns
		t.Logf("%s: %d bytes a connection", tt.name, each)
		if each > tt.most {
			t.Errorf("%s: %d bytes a connection, at most %d are allowed", tt.name, each, tt.most)
		}
		runtime.KeepAlive(layers)
	}
}

func liveHeap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes in two
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
