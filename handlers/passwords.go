package handlers

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// passwordCost makes bcrypt take about 0.1 s.
const passwordCost = 10

// HashPassword makes a hash for BasicAuthConfig: bcrypt's. A password has at most 72 bytes.
func HashPassword(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), passwordCost)
	return string(hash), err
}

// passwords are hashes by name, those of a file among them.
type passwords struct {
	config BasicAuthConfig
	file   *watchedFile[hashes] // without a file only what it says counts
}

// hashes are passwords as they are at a time.
type hashes struct {
	of    map[string]string
	dummy string // what unknown users are compared with, as dear as the dearest
}

// lookEvery is how often a file is looked at.
const lookEvery = time.Second

// maxPasswordFile is how large the file may be.
const maxPasswordFile = 16 << 20

func newPasswords(c BasicAuthConfig) (*passwords, error) {
	if c.File == "" && len(c.Users) == 0 {
		return nil, errors.New("BasicAuthConfig: neither File nor Users is set, who could come in?")
	}
	p := &passwords{config: c}
	p.file = &watchedFile[hashes]{name: c.File, most: maxPasswordFile, log: c.Log, parse: p.hashes}
	if c.File != "" {
		return p, p.file.load()
	}
	all, err := p.hashes(nil)
	p.file.value.Store(&all)
	return p, err
}

// of is a user's hash; that of unknown ones is one that nothing fits.
func (p *passwords) of(user string) (hash string, ok bool) {
	all := p.file.last()
	if hash, ok = all.of[user]; ok {
		return hash, true
	}
	return all.dummy, false
}

// isDue reports whether the file has to be looked at.
func (p *passwords) isDue() bool { return p.config.File != "" && p.file.due() }

// refresh reads the file again, if it has changed. It blocks.
func (p *passwords) refresh() {
	if p.isDue() {
		p.file.refresh()
	}
}

// hashes are those of the file's text and of the configuration.
func (p *passwords) hashes(text []byte) (all hashes, err error) {
	all.of = map[string]string{}
	if err := p.parse(all.of, text); err != nil {
		return all, err
	}
	for name, hash := range p.config.Users {
		if err := p.put(all.of, name, hash); err != nil {
			return all, err
		}
	}
	cost := 0
	for _, hash := range all.of {
		if c, err := bcrypt.Cost([]byte(hash)); err == nil {
			cost = max(cost, c)
		}
	}
	all.dummy = rand.Text()
	if cost > 0 {
		hash, err := bcrypt.GenerateFromPassword([]byte(all.dummy), cost)
		if err != nil {
			return all, err
		}
		all.dummy = string(hash)
	}
	return all, nil
}

// parse reads lines of "name:hash" or "name = hash".
func (p *passwords) parse(table map[string]string, text []byte) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		s := strings.TrimSpace(string(line))
		if s == "" || s[0] == '#' {
			continue
		}
		i := strings.IndexAny(s, ":=")
		if i < 0 {
			return fmt.Errorf("%s:%d: is no name:hash", p.config.File, n)
		}
		if err := p.put(table, strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+1:])); err != nil {
			return fmt.Errorf("%s:%d: %w", p.config.File, n, err)
		}
	}
	return nil
}

func (p *passwords) put(table map[string]string, name, hash string) error {
	isHash := strings.HasPrefix(hash, "$2")
	switch {
	case name == "" || hash == "":
		return errors.New("the name or the hash is empty")
	case !isHash && !p.config.Plain:
		return fmt.Errorf("the hash of %q is none of bcrypt's, which begin with $2", name)
	case isHash:
		if _, err := bcrypt.Cost([]byte(hash)); err != nil {
			return fmt.Errorf("the hash of %q: %w", name, err)
		}
	}
	table[name] = hash
	return nil
}

// compare reports whether the password has that hash. It may take a tenth of a second.
func (p *passwords) compare(hash, password string) bool {
	if strings.HasPrefix(hash, "$2") {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	want, got := sha256.Sum256([]byte(hash)), sha256.Sum256([]byte(password)) // of one length
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// knownPasswords are good ones, by a hash under a key of the process: what is in memory tells none.
// A change of the user's hash makes it another one.
type knownPasswords struct {
	key [32]byte
	ttl time.Duration

	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

// maxKnown is how many are remembered.
const maxKnown = 4096

func newKnownPasswords(ttl time.Duration) *knownPasswords {
	k := &knownPasswords{ttl: ttl, until: map[[sha256.Size]byte]time.Time{}}
	_, _ = rand.Read(k.key[:]) // it never fails
	return k
}

func (k *knownPasswords) sum(user, password, hash string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, k.key[:])
	for _, s := range []string{user, password, hash} {
		// Lengths between them: no two triples are the same text. A hash never fails.
		_, _ = fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (k *knownPasswords) has(user, password, hash string) bool {
	if k == nil {
		return false
	}
	sum := k.sum(user, password, hash)
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.until[sum]
	return ok && time.Now().Before(until)
}

func (k *knownPasswords) remember(user, password, hash string) {
	if k == nil {
		return
	}
	sum := k.sum(user, password, hash)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.until) >= maxKnown {
		k.makeRoom()
	}
	k.until[sum] = time.Now().Add(k.ttl)
}

// makeRoom forgets those that are over, or else any.
func (k *knownPasswords) makeRoom() {
	now := time.Now()
	for sum, until := range k.until {
		if until.Before(now) {
			delete(k.until, sum)
		}
	}
	for sum := range k.until {
		if len(k.until) < maxKnown {
			return
		}
		delete(k.until, sum)
	}
}

// checks bounds how many passwords are compared at a time, and how many wait for that.
type checks struct {
	running chan struct{}
	waiting atomic.Int64 // those that run included
	most    int64
}

const defaultWaiting = 64

func newChecks(running, waiting int) *checks {
	if running <= 0 {
		running = max(runtime.NumCPU()/2, 1)
	}
	if waiting <= 0 {
		waiting = defaultWaiting
	}
	return &checks{running: make(chan struct{}, running), most: int64(running + waiting)}
}

func (c *checks) enter() bool {
	if c.waiting.Add(1) > c.most {
		c.leave()
		return false
	}
	return true
}

func (c *checks) leave() { c.waiting.Add(-1) }

func (c *checks) begin(ctx context.Context) error {
	select {
	case c.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *checks) end() { <-c.running }
