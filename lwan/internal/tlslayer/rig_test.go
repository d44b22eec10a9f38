package tlslayer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// versions are those that crypto/tls speaks to a client of ours.
var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// authority signs the certificates of both sides.
var authority = sync.OnceValue(func() *issuer { return newIssuer("authority") })

type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(name string) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &issuer{cert, key}
}

// issue makes a certificate for a name, with a key of any type.
func (i *issuer) issue(t testing.TB, name string, key crypto.Signer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, key.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (i *issuer) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(i.cert)
	return p
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// serverConfig is one with a certificate for "site".
func serverConfig(t testing.TB) *tls.Config {
	return &tls.Config{
		Certificates:                []tls.Certificate{authority().issue(t, "site", ecKey(t))},
		DynamicRecordSizingDisabled: true,
	}
}

func clientConfig() *tls.Config {
	return &tls.Config{ServerName: "site", RootCAs: authority().pool()}
}

// end is one end of a connection in memory: what is written waits for as long as it likes.
type end struct {
	mu       *sync.Mutex
	cond     *sync.Cond
	in       *bytes.Buffer
	out      *bytes.Buffer
	over     *bool
	net.Conn // nil: nobody calls the rest
}

// wire returns both ends.
func wire() (a, b *end) {
	mu, over := new(sync.Mutex), false
	cond := sync.NewCond(mu)
	to, from := new(bytes.Buffer), new(bytes.Buffer)
	return &end{mu, cond, from, to, &over, nil}, &end{mu, cond, to, from, &over, nil}
}

func (e *end) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.in.Len() == 0 {
		if *e.over {
			return 0, io.EOF
		}
		e.cond.Wait()
	}
	return e.in.Read(p)
}

func (e *end) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.cond.Broadcast()
	return e.out.Write(p)
}

func (e *end) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.cond.Broadcast()
	*e.over = true
	return nil
}

func (e *end) SetWriteDeadline(time.Time) error { return nil }
func (e *end) SetDeadline(time.Time) error      { return nil }

// waiting is what has come and nobody has read.
func (e *end) waiting() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]byte(nil), e.in.Next(e.in.Len())...)
}

// rig is a Layer, and a client of crypto/tls that is a codec too, so that a test holds every byte
// in its hands.
type rig struct {
	t      testing.TB
	server *Layer
	client *tls.Conn
	wire   *codec // the client's
}

// shake does a handshake; a failure of either side is returned.
func shake(t testing.TB, server, client *tls.Config) (*rig, error, error) {
	t.Helper()
	here, there := wire()
	r := &rig{t: t, wire: &codec{over: there}}
	r.client = tls.Client(r.wire, client)
	failed := make(chan error, 1)
	go func() {
		err := r.client.Handshake()
		if err != nil {
			_ = there.Close()
		}
		failed <- err
	}()
	var err error
	r.server, err = Server(here, nil, server)
	if err != nil {
		_ = here.Close()
	}
	theirs := <-failed
	r.wire.over = nil
	r.wire.give(there.waiting())
	return r, err, theirs
}

func newRig(t testing.TB, server, client *tls.Config) *rig {
	t.Helper()
	r, ours, theirs := shake(t, server, client)
	if ours != nil || theirs != nil {
		t.Fatal("handshake: ", ours, ", ", theirs)
	}
	return r
}

// say is p as the client sends it.
func (r *rig) say(p string) []byte {
	r.t.Helper()
	if _, err := io.WriteString(r.client, p); err != nil {
		r.t.Fatal(err)
	}
	return r.wire.take()
}

// hear is what the client reads in what was sent to it.
func (r *rig) hear(sent []byte) (string, error) {
	r.wire.give(sent)
	var got []byte
	p := make([]byte, 64<<10)
	for {
		n, err := r.client.Read(p)
		got = append(got, p[:n]...)
		if err == errAgain {
			return string(got), nil
		}
		if err != nil {
			return string(got), err
		}
	}
}

// open gives in to the Layer and reads with a buffer of a size for as long as there is something.
func (r *rig) open(in []byte, size int) (string, error) {
	var got []byte
	p := make([]byte, size)
	for {
		n, err := r.server.Open(p, in)
		got, in = append(got, p[:n]...), nil
		if err != nil || !r.server.Pending() {
			return string(got), err
		}
	}
}

func (r *rig) seal(p string) []byte {
	r.t.Helper()
	out, err := r.server.Seal(nil, []byte(p))
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}
