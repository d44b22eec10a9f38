package conf

import "slices"

// lwanTLS makes tls of what Lwan's tls_listener has: cert, key and hsts beside the address.
func (b *binder) lwanTLS(l *listener) {
	own := l.Cert != "" || l.Key != ""
	switch {
	case l.TLS != nil && own:
		b.report.add(l.n.at, "write them in tls { }", "cert and key are here, and tls too")
	case l.TLS != nil, !own && !l.Hsts && l.n.name == "listener":
	case l.Cert == "":
		b.report.add(l.n.at, "write tls { cert = FILE }", "%s: cert is missing", l.n.name)
	default:
		l.TLS = &listenerTLS{
			Cert: []string{l.Cert}, MinVersion: "1.2", ClientCert: "none", Tickets: true,
		}
		if l.Key != "" {
			l.TLS.Key = []string{l.Key}
		}
	}
}

// tls binds the certificate of a site.
func (b *block) tls(n *node) {
	switch {
	case b.top, b.inIf, b.inside != "", b.prefix != "", b.site == nil:
		b.report.add(n.at, "", "tls belongs into a listener, or into a site itself")
		return
	case b.site.tls != nil:
		b.report.add(n.at, "one tls may have several files behind cert, and key",
			"a site has one tls")
		return
	}
	b.site.tls, b.site.tlsAt = &siteTLS{}, n.at
	(&decoder{report: b.report}).decode(n, b.site.tls)
}

// hasCert reports whether a listener has a certificate, or one of the sites that it serves.
func (b *binder) hasCert(l *listener) bool {
	return len(l.TLS.Cert) > 0 ||
		slices.ContainsFunc(b.config.served(l), func(s *site) bool { return s.tls != nil })
}

// checkTLS looks whether listeners with TLS and certificates find each other.
func (b *binder) checkTLS() {
	taken := map[*site]bool{}
	for _, l := range b.config.listeners {
		if l.TLS == nil {
			continue
		}
		for _, s := range b.config.served(l) {
			taken[s] = true
		}
		if !l.bad && !b.hasCert(l) {
			b.report.add(l.n.at, "write tls { cert = FILE }, here or in a site",
				"there is no certificate for this listener")
		}
	}
	sites := b.config.sites
	for _, l := range b.config.listeners {
		sites = append(sites[:len(sites):len(sites)], l.sites...)
	}
	for _, s := range sites {
		if s.tls != nil && !taken[s] {
			b.report.add(s.tlsAt, "write listener *:443 { tls }",
				"there is no listener with tls for this certificate")
		}
	}
}
