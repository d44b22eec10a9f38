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

// passwordCost makes bcrypt take about 0.1 s, and maxCost, the most that htpasswd(1) takes, ten
// seconds: one more doubles it, up to 31, which takes days.
const (
	passwordCost = 10
	maxCost      = 17
)

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
	of   map[string]string
	cost int    // the dearest's of bcrypt; 0: there is none
	none string // a text that nobody knows
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

// of is a user's hash.
func (p *passwords) of(user string) (hash string, ok bool) {
	hash, ok = p.file.last().of[user]
	return hash, ok
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
	for _, hash := range all.of {
		all.cost = max(all.cost, costOf(hash))
	}
	all.none = rand.Text() + rand.Text() + rand.Text()
	return all, nil
}

// costOf is that of a hash of bcrypt's; 0: it is none.
func costOf(hash string) int {
	if !strings.HasPrefix(hash, "$2") {
		return 0
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return 0
	}
	return cost
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
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return fmt.Errorf("the hash of %q: %w", name, err)
		}
		if cost > maxCost {
			return fmt.Errorf("the hash of %q has a cost of %d, more than %d", name, cost, maxCost)
		}
	}
	table[name] = hash
	return nil
}

// good reports whether the password is the user's. It takes as long for each wrong one, whether or
// not there is such a user and however dear his hash is: about a tenth of a second.
func (p *passwords) good(user, password string) bool {
	all := p.file.last()
	hash, ok := all.of[user]
	if ok && compare(hash, password) {
		return true
	}
	if !ok && all.cost == 0 {
		compare(all.none, password)
	}
	for _, cost := range all.rest(costOf(hash)) {
		compare(all.nobody(cost), password)
	}
	return false
}

// rest are the costs of the comparisons that take, with one that is done, what one with the dearest
// hash takes: each step of the cost doubles it.
func (h *hashes) rest(done int) (costs []int) {
	if done == 0 && h.cost > 0 {
		return []int{h.cost}
	}
	for ; done < h.cost; done++ {
		costs = append(costs, done)
	}
	return costs
}

// nobody is a hash that no password is known of.
func (h *hashes) nobody(cost int) string {
	return fmt.Sprintf("$2a$%02d$%s", cost, h.none[:saltAndSum])
}

// saltAndSum is how many characters are behind the cost of a hash.
const saltAndSum = 53

// compare reports whether the password has that hash.
func compare(hash, password string) bool {
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
