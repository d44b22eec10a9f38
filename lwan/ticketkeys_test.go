package lwan

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRenewed: a new secret every eight hours, and none that is older than a day.
func TestRenewed(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(hours float64) time.Time {
		return start.Add(time.Duration(hours * float64(time.Hour)))
	}
	var secrets []ticketSecret
	for _, tt := range []struct {
		now  float64
		ages []float64
	}{
		{0, []float64{0}},
		{7.9, []float64{7.9}},
		{8, []float64{0, 8}},
		{20, []float64{0, 12, 20}},
		{24, []float64{4, 16}}, // the first one is a day old
		{28, []float64{0, 8, 20}},
		{60, []float64{0}},
		{50, []float64{0}}, // the clock was set back: one of the future is no good
	} {
		secrets = renewed(secrets, at(tt.now))
		var ages []float64
		seen := map[[32]byte]bool{}
		for _, s := range secrets {
			ages = append(ages, at(tt.now).Sub(s.Made).Hours())
			seen[s.Secret] = true
		}
		if len(ages) != len(tt.ages) || len(seen) != len(ages) {
			t.Fatalf("at %v h: %v, want %v", tt.now, ages, tt.ages)
		}
		for i, age := range ages {
			if diff := age - tt.ages[i]; diff > 1e-6 || diff < -1e-6 {
				t.Errorf("at %v h: %v, want %v", tt.now, ages, tt.ages)
			}
		}
	}
}

// TestTicketKeysTurn: keys change by themselves, until the server has ended.
func TestTicketKeysTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, cfg := newTicketKeys(), &tls.Config{}
		k.use(Endpoint{}, cfg)
		k.start()
		made := func() time.Time {
			k.mu.Lock()
			defer k.mu.Unlock()
			return k.secrets[0].Made
		}
		start := made()
		time.Sleep(ticketEvery - time.Second)
		synctest.Wait()
		if !made().Equal(start) {
			t.Error("too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := made().Sub(start); got != ticketEvery {
			t.Error(got)
		}
		k.stop()
		last := made()
		time.Sleep(3 * ticketEvery)
		synctest.Wait()
		if !made().Equal(last) {
			t.Error("they turn for ever")
		}
	})
}

// TestTicketKeysUse: whose keys are the server's, and who shares them.
func TestTicketKeysUse(t *testing.T) {
	k := newTicketKeys()
	own := &tls.Config{}
	own.SetSessionTicketKeys([][32]byte{{1}})
	wrap := func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { return nil, nil }
	none := []*tls.Config{
		own, {SessionTicketKey: [32]byte{1}}, {SessionTicketsDisabled: true}, {WrapSession: wrap},
	}
	for _, cfg := range none {
		k.use(Endpoint{TLS: cfg}, cfg.Clone())
	}
	if len(k.users) != 0 {
		t.Fatalf("%d of the program's own configurations were given keys", len(k.users))
	}
	shared := []*tls.Config{{}, {}}
	apart := []*tls.Config{{}, {}}
	for i := range 2 {
		k.use(Endpoint{}, shared[i])
		k.use(Endpoint{Addr: []string{":1", ":2"}[i], TLS: apart[i]}, apart[i])
	}
	k.start()
	defer k.stop()
	all := append(shared, apart...)
	for i, from := range all {
		for j, to := range all {
			want := i == j || i < 2 && j < 2
			if got := opens(t, from, to); got != want {
				t.Errorf("a ticket of %d is good at %d: %v", i, j, got)
			}
		}
	}
	left, err := k.leave()
	if err != nil || len(left) > maxLegacy || bytes.Contains(left, []byte("null")) {
		t.Fatal(len(left), err)
	}
	next, heir := newTicketKeys(), &tls.Config{}
	if err := next.inherit(bytes.NewReader(left)); err != nil {
		t.Fatal(err)
	}
	next.use(Endpoint{}, heir)
	next.start()
	defer next.stop()
	if !opens(t, shared[0], heir) || !opens(t, heir, shared[1]) || opens(t, apart[0], heir) {
		t.Error("the keys were not handed over")
	}
	for _, bad := range []string{"", "x", "[1]", strings.Repeat(" ", maxLegacy+1)} {
		if err := newTicketKeys().inherit(strings.NewReader(bad)); err == nil {
			t.Errorf("%.10q was taken", bad)
		}
	}
}

// opens reports whether a ticket of one configuration is good at another.
func opens(t *testing.T, from, to *tls.Config) bool {
	t.Helper()
	ticket, err := from.EncryptTicket(tls.ConnectionState{}, sampleSession())
	if err != nil {
		t.Fatal(err)
	}
	session, err := to.DecryptTicket(ticket, tls.ConnectionState{})
	if err != nil {
		t.Fatal(err)
	}
	return session != nil
}

// TestResumedElsewhere: a client's session goes on at another endpoint, in both versions, unless a
// program has a say in who may connect there.
func TestResumedElsewhere(t *testing.T) {
	certs := certFor(t, "site")
	srv := &Server{}
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{Certs: certs}, Endpoint{Certs: certs},
		Endpoint{Certs: certs, TLS: &tls.Config{ClientAuth: tls.RequestClientCert}})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := clientTLS()
		cfg.MaxVersion, cfg.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		for i, want := range []bool{false, true, true, false} {
			addr := []net.Addr{addrs[0], addrs[0], addrs[1], addrs[2]}[i]
			resp, _ := fetch(t, secureClient(t, addr, cfg, HTTP1), "https://site/about")
			if resp.TLS.DidResume != want {
				t.Errorf("%x, connection %d: resumed %v", version, i, resp.TLS.DidResume)
			}
		}
	}
	settledNow(t, func() bool { // a loop counts before it sleeps, not before it answers
		s := srv.Stats().Secure
		return s.Resumed == 4 && s.Handshakes == 8
	})
}
