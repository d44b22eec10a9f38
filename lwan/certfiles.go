package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// CertFiles are certificates in PEM files, chosen by the name that a client asks for (SNI), and
// read again when they change: for a renewal that some other program makes. Endpoint.Certs takes
// one; several endpoints may share it. A goroutine of the server looks at the files. The zero value
// of Check works.
//
// A name finds the certificate that has it, else one with a wildcard in place of its first label
// (RFC 9525 section 6.3), else that of the first pair. Where several have it, as one with a key of
// type RSA and one of type ECDSA, the first counts that the client can use.
//
// A connection keeps the certificate with which it began. Files that cannot be read or do not fit
// together leave the last good ones in use, and are logged; at the start they are an error of Run,
// which names the endpoint and the file. The files are those at the paths at that moment, also
// through symbolic links.
type CertFiles struct {
	Pairs []CertPair // the first one is also for clients that name no host, or one that nobody has

	// Check is how often the files are looked at: 1 min; negative: only when Reload is called.
	Check time.Duration

	current atomic.Pointer[certSet]
	mu      sync.Mutex // held while files are read
	seen    []fileState
	_       noCopy
}

// CertPair is a chain and its key.
type CertPair struct {
	Cert, Key string // PEM files: the leaf first, then intermediates

	// OCSP is a file with a response in DER that is stapled (RFC 6066 section 8), as certbot's or
	// openssl's ocsp writes it; "": none. It must be of the leaf, and say that it is good; out of
	// date it is left out.
	OCSP string
}

const defaultCertCheck = time.Minute

// certSet is what was read at one time.
type certSet struct {
	certs []*stapled
	names map[string][]*stapled // in lower case; "*.example.com" for any label in its place
}

// stapled is a certificate with what is known of its OCSP response.
type stapled struct {
	with, without *tls.Certificate // with and without the response; with is nil if there is none
	until         time.Time        // when the response is out of date; zero: never
}

// Reload reads the files now; from any goroutine but a loop's, as it waits for the disk. An error
// leaves the last good ones in use.
func (c *CertFiles) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.load()
}

func (c *CertFiles) load() error {
	if len(c.Pairs) == 0 {
		return errNoPairs
	}
	states := c.look()
	set := &certSet{names: map[string][]*stapled{}}
	for _, p := range c.Pairs {
		cert, err := p.load()
		if err != nil {
			return err
		}
		set.add(cert)
	}
	c.current.Store(set)
	c.seen = states
	return nil
}

var errNoPairs = errors.New("CertFiles without Pairs")

// load reads a pair. Its errors name the files.
func (p CertPair) load() (*stapled, error) {
	chain, err := os.ReadFile(p.Cert)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := os.ReadFile(p.Key)
	if err != nil {
		return nil, fmt.Errorf("key of the certificate: %w", err)
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", p.Cert, p.Key, err)
	}
	s := &stapled{without: &cert}
	if p.OCSP == "" {
		return s, nil
	}
	response, err := os.ReadFile(p.OCSP)
	if err != nil {
		return nil, fmt.Errorf("OCSP response: %w", err)
	}
	if s.until, err = checkOCSP(response, cert.Leaf.SerialNumber); err != nil {
		return nil, fmt.Errorf("OCSP response %s: %w", p.OCSP, err)
	}
	with := cert
	with.OCSPStaple = response
	s.with = &with
	return s, nil
}

// at is the certificate as it is sent now.
func (s *stapled) at(now time.Time) *tls.Certificate {
	if s.with == nil || !s.until.IsZero() && now.After(s.until) {
		return s.without
	}
	return s.with
}

func (s *certSet) add(cert *stapled) {
	s.certs = append(s.certs, cert)
	leaf := cert.without.Leaf
	for _, name := range leaf.DNSNames {
		name = strings.ToLower(name)
		s.names[name] = append(s.names[name], cert)
	}
	for _, ip := range leaf.IPAddresses {
		s.names[ip.String()] = append(s.names[ip.String()], cert)
	}
}

// choose finds the certificate for a handshake.
func (s *certSet) choose(hello *tls.ClientHelloInfo) *stapled {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" { // clients do not name addresses (RFC 6066 section 3)
		name = localAddress(hello.Conn)
	}
	candidates := s.names[name]
	if candidates == nil {
		if _, domain, ok := strings.Cut(name, "."); ok {
			candidates = s.names["*."+domain]
		}
	}
	if candidates == nil {
		candidates = s.certs[:1]
	}
	for _, cert := range candidates {
		if hello.SupportsCertificate(cert.without) == nil {
			return cert
		}
	}
	return candidates[0] // crypto/tls tells the client what is wrong
}

// localAddress is the address that a client has connected to, without port and zone; "": none.
func localAddress(conn net.Conn) string {
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().WithZone("").String()
}

// get is for tls.Config.GetCertificate.
func (c *CertFiles) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load().choose(hello).at(time.Now()), nil
}

// fileState tells whether a file has changed.
type fileState struct{ info os.FileInfo } // nil: it is not there

// look looks at all files.
func (c *CertFiles) look() (states []fileState) {
	for _, p := range c.Pairs {
		for _, path := range []string{p.Cert, p.Key, p.OCSP} {
			info, _ := os.Stat(path) // what is wrong with the file is said when it is read
			states = append(states, fileState{info})
		}
	}
	return states
}

func (a fileState) same(b fileState) bool {
	if a.info == nil || b.info == nil {
		return a.info == nil && b.info == nil
	}
	return os.SameFile(a.info, b.info) && a.info.Size() == b.info.Size() &&
		a.info.ModTime().Equal(b.info.ModTime())
}

// changed reports whether a file is another one than when it was read.
func (c *CertFiles) changed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, state := range c.look() {
		if !state.same(c.seen[i]) {
			return true
		}
	}
	return false
}

// watch reads files that have changed, until ctx is over. What goes wrong is logged once, until
// something else does.
func (c *CertFiles) watch(ctx context.Context, log *slog.Logger) {
	every := orPause(c.Check, defaultCertCheck)
	if every == 0 {
		return
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if !c.changed() {
			continue
		}
		err := c.Reload()
		switch {
		case err == nil:
			log.Info("lwan: certificates were read again", "first", c.Pairs[0].Cert)
			last = ""
		case err.Error() != last:
			log.Error("lwan: the last good certificates stay in use", "err", err)
			last = err.Error()
		}
	}
}
