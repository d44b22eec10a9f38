package lwan

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

// A client that comes back resumes its session with a ticket, which the server has encrypted with a
// key of its own (RFC 8446 section 4.6.1, RFC 5077). Whoever has the key can read what was sent in
// sessions of TLS 1.2; so keys are new every few hours, and live only as long as tickets are to be
// good. The next process gets them at a restart, through a pipe.
const (
	ticketEvery = 8 * time.Hour  // a new key
	ticketLife  = 24 * time.Hour // an old one still opens tickets
)

// ticketSecret is what the keys of one period are derived from.
type ticketSecret struct {
	Made   time.Time
	Secret [32]byte
}

// ticketKeys are those of a server.
type ticketKeys struct {
	now func() time.Time

	mu      sync.Mutex
	secrets []ticketSecret // the newest first
	users   []ticketUser
	timer   *time.Timer // nil: not started, or stopped
	stopped bool
}

// ticketUser is a configuration that gets keys.
type ticketUser struct {
	config *tls.Config
	label  string // of its keys
}

func newTicketKeys() *ticketKeys { return &ticketKeys{now: time.Now} }

// use gives keys to the configuration of an endpoint, now and later. Endpoints share their keys, so
// that a session goes on at another one, unless the program has a say in who may connect there:
// what it has let in at one is not for the other.
func (k *ticketKeys) use(end Endpoint, cfg *tls.Config) {
	if cfg.SessionTicketsDisabled || cfg.WrapSession != nil || cfg.UnwrapSession != nil ||
		hasTicketKeys(cfg) {
		return
	}
	u := ticketUser{config: cfg}
	if end.TLS != nil {
		u.label = end.where()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.users = append(k.users, u)
}

// hasTicketKeys reports whether the program has set keys of its own (SetSessionTicketKeys,
// SessionTicketKey): then two copies of the configuration have the same ones, else each makes its
// own. If the program has used it for connections elsewhere it counts as having some.
func hasTicketKeys(cfg *tls.Config) bool {
	var state tls.ConnectionState
	ticket, err := cfg.Clone().EncryptTicket(state, sampleSession())
	if err != nil {
		return false
	}
	session, err := cfg.Clone().DecryptTicket(ticket, state)
	return err == nil && session != nil
}

// sampleSession is a session of nobody's: crypto/tls has no other way to make one than a handshake.
var sampleSession = sync.OnceValue(func() (session *tls.SessionState) {
	public, private, _ := ed25519.GenerateKey(nil) // it never fails
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		panic(err) // for a template that is always the same
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		_ = tls.Client(theirs, &tls.Config{
			InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1),
		}).Handshake() // it ends with the pipe
	}()
	_ = tls.Server(ours, &tls.Config{ // what counts is whether there is a session
		MaxVersion:   tls.VersionTLS12, // whose tickets are part of the handshake
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: private}},
		WrapSession: func(_ tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
			session = s
			return []byte{0}, nil
		},
	}).Handshake()
	if session == nil {
		session = &tls.SessionState{}
	}
	return session
})

// start makes a first secret, unless there are some, and new ones from then on.
func (k *ticketKeys) start() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.users) > 0 && !k.stopped {
		k.turn()
	}
}

func (k *ticketKeys) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// turn drops secrets that are too old, makes one if it is time, and tells everybody. k.mu is held.
func (k *ticketKeys) turn() {
	now := k.now()
	k.secrets = renewed(k.secrets, now)
	for _, u := range k.users {
		keys := make([][32]byte, 0, len(k.secrets))
		for _, s := range k.secrets {
			keys = append(keys, s.key(u.label))
		}
		u.config.SetSessionTicketKeys(keys)
	}
	k.timer = time.AfterFunc(k.secrets[0].Made.Add(ticketEvery).Sub(now), func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if !k.stopped {
			k.turn()
		}
	})
}

// renewed is secrets without those that are out of date, with a new one in front if it is time.
func renewed(secrets []ticketSecret, now time.Time) (next []ticketSecret) {
	for _, s := range secrets {
		if age := now.Sub(s.Made); age >= 0 && age < ticketLife {
			next = append(next, s)
		}
	}
	if len(next) > 0 && now.Sub(next[0].Made) < ticketEvery {
		return next
	}
	fresh := ticketSecret{Made: now}
	_, _ = rand.Read(fresh.Secret[:]) // it never fails
	return append([]ticketSecret{fresh}, next...)
}

// key derives the key of those who share a label.
func (s *ticketSecret) key(label string) (key [32]byte) {
	derived, err := hkdf.Expand(sha256.New, s.Secret[:], "golwan ticket "+label, len(key))
	if err != nil {
		panic(err) // only for a length that SHA-256 cannot make
	}
	return [32]byte(derived)
}

// leave is what the next process needs to open the tickets of this one.
func (k *ticketKeys) leave() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return json.Marshal(k.secrets)
}

// maxLegacy bounds what leave gives: three secrets, in numbers of JSON.
const maxLegacy = 8 << 10

// inherit takes what the process before has left.
func (k *ticketKeys) inherit(from io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(from, maxLegacy+1))
	if err != nil {
		return err
	}
	if len(text) > maxLegacy {
		return errors.New("ticket keys: too much was left")
	}
	var secrets []ticketSecret
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&secrets); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.secrets = secrets
	return nil
}
