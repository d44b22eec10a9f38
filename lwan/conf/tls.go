package conf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/golwan/golwan/lwan"
)

// listenerTLS makes a listener speak TLS.
type listenerTLS struct {
	Cert []string `opens:"read" doc:"PEM files: certificate, then its signers; none: those of the sites"`
	Key  []string `opens:"read" doc:"PEM files with the private keys; none: they are in those of cert"`

	Protocols  []protocol `conf:"protocols,alias=alpn" doc:"h2, http/1.1; none: both"`
	MinVersion string     `default:"1.2" oneof:"1.2 1.3" doc:"the least version of TLS"`
	Ciphers    []cipher   `doc:"for TLS 1.2, by the names of RFCs; none: those with AEAD"`
	ClientCert string     `default:"none" oneof:"none request require" doc:"of clients"`
	ClientCA   string     `opens:"read" doc:"PEM file: who signs the certificates of clients"`
	Tickets    bool       `default:"true" doc:"clients may resume their sessions"`
}

// siteTLS is a certificate for the listeners that serve a site.
type siteTLS struct {
	Cert []string `opens:"read" conf:"cert,required" doc:"PEM files: certificate, then what it is signed by"`
	Key  []string `opens:"read" doc:"PEM files with the private keys; none: they are in those of cert"`
}

// protocol is one by its name in ALPN.
type protocol lwan.Protocols

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *protocol) UnmarshalText(text []byte) error {
	switch string(text) {
	case "h2":
		*p = protocol(lwan.HTTP2)
	case "http/1.1":
		*p = protocol(lwan.HTTP1)
	default:
		return fmt.Errorf("%q is no protocol: write h2 or http/1.1", text)
	}
	return nil
}

// cipher is a suite that crypto/tls holds to be secure, and that can be chosen.
type cipher uint16

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *cipher) UnmarshalText(text []byte) error {
	for _, suite := range tls.CipherSuites() {
		if suite.Name == string(text) &&
			slices.Contains(suite.SupportedVersions, tls.VersionTLS12) {
			*c = cipher(suite.ID)
			return nil
		}
	}
	return fmt.Errorf("%q is no cipher suite of TLS 1.2 that is safe", text)
}

var (
	errKeys = errors.New("there are not as many keys as certificates, in the same order")
	errCA   = errors.New("client_ca and client_cert = request or require need each other")
)

// Check implements Checker.
func (c *listenerTLS) Check() error {
	switch {
	case len(c.Key) > 0 && len(c.Key) != len(c.Cert):
		return errKeys
	case (c.ClientCA == "") != (c.ClientCert == "none"):
		return errCA
	}
	// its certificates, which may be those of sites, are looked for elsewhere
	end := lwan.Endpoint{TLS: c.versions(), Protocols: c.protocols(), Certs: &lwan.CertFiles{}}
	return end.Check()
}

// Check implements Checker.
func (c *siteTLS) Check() error {
	if len(c.Key) > 0 && len(c.Key) != len(c.Cert) {
		return errKeys
	}
	return nil
}

func (c *listenerTLS) protocols() (set lwan.Protocols) {
	for _, p := range c.Protocols {
		set |= lwan.Protocols(p)
	}
	if set == 0 {
		set = lwan.HTTP1 | lwan.HTTP2
	}
	return set
}

// versions is what is no certificate.
func (c *listenerTLS) versions() *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: !c.Tickets}
	if c.MinVersion == "1.3" {
		cfg.MinVersion = tls.VersionTLS13
	}
	for _, suite := range c.Ciphers {
		cfg.CipherSuites = append(cfg.CipherSuites, uint16(suite))
	}
	return cfg
}

// config is what is no certificate of the server's.
func (c *listenerTLS) config() (*tls.Config, error) {
	cfg := c.versions()
	switch c.ClientCert {
	case "none":
		return cfg, nil
	case "request":
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	text, err := os.ReadFile(c.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	if cfg.ClientCAs = x509.NewCertPool(); !cfg.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("client_ca: there is no certificate in %s", c.ClientCA)
	}
	return cfg, nil
}

// pairsOf are the files of cert and key.
func pairsOf(certs, keys []string) (pairs []lwan.CertPair) {
	for i, cert := range certs {
		pair := lwan.CertPair{Cert: cert, Key: cert}
		if len(keys) > 0 {
			pair.Key = keys[i]
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

// pairs are the certificates of a listener: its own, then those of the sites that it serves.
func (c *Config) pairs(l *listener) []lwan.CertPair {
	pairs := pairsOf(l.TLS.Cert, l.TLS.Key)
	for _, s := range c.served(l) {
		if s.tls != nil {
			pairs = append(pairs, pairsOf(s.tls.Cert, s.tls.Key)...)
		}
	}
	return pairs
}

// served are the sites of a listener.
func (c *Config) served(l *listener) []*site {
	if len(l.sites) > 0 {
		return l.sites
	}
	return c.sites
}

// encrypt gives an endpoint what its listener says of TLS. Certificates are read, so that what is
// wrong with them has the listener's place.
func (s *Server) encrypt(e *lwan.Endpoint, l *listener) (err error) {
	if l.TLS == nil {
		return nil
	}
	e.Protocols = l.TLS.protocols()
	e.Certs = &lwan.CertFiles{Pairs: s.config.pairs(l)}
	e.TLS, err = l.TLS.config()
	if err == nil {
		err = e.Certs.Reload()
	}
	if err != nil {
		return fmt.Errorf("%s: tls: %w", l.n.at.pos(), err)
	}
	s.certs = append(s.certs, e.Certs)
	return nil
}

// ReloadCertificates reads all certificates of listeners now; files that have changed are read
// within a minute anyway. Where that fails the last good ones stay in use.
func (s *Server) ReloadCertificates() error {
	var errs []error
	for _, c := range s.certs {
		errs = append(errs, c.Reload())
	}
	return errors.Join(errs...)
}
