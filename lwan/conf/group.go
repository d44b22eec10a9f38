package conf

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers/gateway"
)

// groupConfig is backends that can answer the same requests: the section group, and a part of proxy
// and its like.
type groupConfig struct {
	To       []string        `conf:"to,alias=address" doc:"backends: 10.0.0.1:8000, name:8000, unix:/path, @name"`
	Backend  []backendConfig `doc:"one with settings: backend 10.0.0.1:8000 { weight = 2 }"`
	Process  []processConfig `doc:"one that is started: process { command = /usr/bin/php-cgi }"`
	Balance  string          `default:"least_conns" oneof:"least_conns round_robin hash random" doc:"which backend gets a request"`
	HashKey  hashKey         `default:"uri" doc:"what hash goes by: uri, client, header NAME, cookie NAME"`
	Sticky   string          `doc:"name of a cookie that brings clients back to the same backend; none: none"`
	MaxFails int             `default:"1" range:"0.." doc:"failures in fail_time after which a backend rests; 0: it never does"`
	FailTime time.Duration   `default:"10s" range:"1.." doc:"of max_fails"`
	Rest     time.Duration   `default:"1s" range:"1.." doc:"how long a backend rests first, then twice as long each time"`
	RestMost time.Duration   `default:"30s" range:"1.." doc:"how long it rests at most"`

	SlowStart time.Duration `range:"0.." doc:"in which the share of a backend that comes back grows; 0: at once"`

	Health *healthConfig `doc:"looks after the backends without requests"`
	Retry  *retryConfig  `doc:"what is sent again, to another backend"`
	Queue  *queueConfig  `doc:"where requests wait while all backends are full"`

	ConnectTimeout time.Duration `default:"5s" range:"1.." doc:"to connect; then another backend, or 504"`
	KeepConns      int           `default:"32" range:"0.." doc:"idle connections that each loop keeps to a backend"`
	KeepFor        time.Duration `default:"60s" range:"0.." doc:"how long an idle connection is kept; 0: not at all"`
	BackendTLS     *backendTLS   `conf:"backend_tls" doc:"connections to backends are encrypted"`
}

// backendConfig is one backend.
type backendConfig struct {
	Address  string `conf:"address,arg,required" doc:"10.0.0.1:8000, name:8000, unix:/path, @name"`
	Weight   int    `default:"1" range:"1..1000000" doc:"its share, in proportion"`
	Backup   bool   `doc:"used only while no other can be"`
	Down     bool   `doc:"not used at all"`
	MaxConns int    `range:"0.." doc:"requests at a time; 0: no limit"`
}

// processConfig is a backend that is started and looked after.
type processConfig struct {
	Command  commandLine       `conf:"command,required" doc:"program and arguments; 'one word' with blanks in it"`
	Dir      string            `doc:"where it runs; none: where the server does"`
	Env      map[string]string `doc:"variables beyond those that are passed on: name = value"`
	Inherit  []string          `default:"PATH HOME USER LANG TZ" doc:"names of variables that are passed on"`
	Listen   string            `default:"stdin" oneof:"stdin port socket" doc:"its socket is its standard input, or in PORT or SOCKET"`
	Min      int               `default:"1" range:"1..10000" doc:"processes"`
	Max      int               `range:"0..10000" doc:"processes while all are busy; 0: as min"`
	IdleTime time.Duration     `default:"60s" range:"1.." doc:"after which one more than min is ended"`
	Ready    time.Duration     `default:"10s" range:"1.." doc:"in which one that listens by itself must do so"`
	Recycle  int               `range:"0.." doc:"requests after which one is replaced; 0: never"`
	KillTime time.Duration     `default:"10s" range:"1.." doc:"from SIGTERM to SIGKILL"`
	MaxConns int               `default:"1" range:"1.." doc:"requests of a process at a time"`
	Weight   int               `default:"1" range:"1..1000000" doc:"its share, in proportion"`
	Backup   bool              `doc:"used only while no other can be"`
}

// healthConfig is of checks.
type healthConfig struct {
	Path    string        `doc:"that is asked for in HTTP; none: a connection is enough"`
	Host    string        `doc:"that is asked for; none: the backend's address"`
	Every   time.Duration `default:"5s" range:"1.." doc:"a check"`
	Timeout time.Duration `default:"2s" range:"1.." doc:"of a check"`
	Fall    int           `default:"3" range:"1..1000" doc:"failures in a row that take a backend out"`
	Rise    int           `default:"2" range:"1..1000" doc:"successes in a row that bring it back"`
	Status  []int         `range:"100..599" doc:"of a good answer; none: 200 to 399"`
}

// retryConfig is of what is sent again.
type retryConfig struct {
	Tries    int           `default:"3" range:"1..100" doc:"backends that are tried"`
	Within   time.Duration `default:"10s" range:"0.." doc:"of the first try; 0: no limit"`
	Budget   float64       `default:"0.2" doc:"retries for each request, over 10 s, and 3 more"`
	On       []int         `range:"400..599" doc:"answers that are tried elsewhere: 502 503 504"`
	Timeouts bool          `doc:"answers that do not come in time are tried elsewhere"`
	Unsafe   bool          `doc:"also POST and its like, that a backend may have done already"`
	Body     Size          `default:"64k" range:"0.." doc:"of a body that is kept for it"`
}

// queueConfig is of requests that wait.
type queueConfig struct {
	Max  int           `default:"256" range:"0.." doc:"that wait; beyond it 503"`
	Wait time.Duration `default:"5s" range:"0.." doc:"how long; then 503. 0: no limit"`
}

// backendTLS is how connections to backends are encrypted.
type backendTLS struct {
	Name   string `doc:"in the backend's certificate; none: that of its address"`
	CA     string `opens:"read" doc:"PEM file: who signs the backends' certificates; none: those of the system"`
	Cert   string `opens:"read" doc:"PEM file: the certificate that is shown to backends"`
	Key    string `opens:"read" doc:"PEM file with its private key; none: it is in that of cert"`
	Verify bool   `default:"true" doc:"look at the backend's certificate"`

	files string // which state of the files it is: another one is another configuration
}

// commandLine is a program with its arguments.
type commandLine struct{ words []string }

var errQuote = errors.New("the command is no list of words: a ' is not closed")

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *commandLine) UnmarshalText(text []byte) error {
	c.words = nil
	word, begun, quoted := "", false, false
	for _, r := range string(text) {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case !quoted && r < 0x80 && isSpace(byte(r)):
			if begun {
				c.words = append(c.words, word)
			}
			word, begun = "", false
		default:
			word += string(r)
			begun = true
		}
	}
	if quoted {
		return errQuote
	}
	if begun {
		c.words = append(c.words, word)
	}
	if len(c.words) == 0 {
		return errors.New("the command is no program: it is empty")
	}
	return nil
}

// hashKey is what requests are spread by.
type hashKey struct{ kind, name string }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *hashKey) UnmarshalText(text []byte) error {
	words := strings.Fields(string(text))
	switch {
	case len(words) == 1 && (words[0] == "uri" || words[0] == "client"):
		*k = hashKey{kind: words[0]}
	case len(words) == 2 && (words[0] == "header" || words[0] == "cookie") && isToken(words[1]):
		*k = hashKey{words[0], words[1]}
	default:
		return fmt.Errorf("%q is no key: write uri, client, header NAME or cookie NAME", text)
	}
	return nil
}

func (k hashKey) key() gateway.Key {
	switch k.kind {
	case "client":
		return gateway.KeyClient
	case "header":
		return gateway.KeyHeader(k.name)
	case "cookie":
		return gateway.KeyCookie(k.name)
	}
	return gateway.KeyURI
}

var balances = map[string]gateway.Balance{
	"least_conns": gateway.LeastConns, "round_robin": gateway.RoundRobin, "hash": gateway.Hash,
	"random": gateway.Random2,
}

var listens = map[string]gateway.Listen{
	"stdin": gateway.OnStdin, "port": gateway.ByPort, "socket": gateway.BySocket,
}

// Check implements Checker.
func (c *groupConfig) Check() error {
	for _, a := range c.addresses() {
		if !isBackend(a) {
			return fmt.Errorf("%q is no address of a backend: write host:port, unix:/path or @name",
				a)
		}
	}
	switch {
	case len(c.To)+len(c.Backend)+len(c.Process) == 0:
		return errors.New("there is no backend: set to, or write backend or process")
	case c.Sticky != "" && !isToken(c.Sticky):
		return fmt.Errorf("%q is no name of a cookie", c.Sticky)
	}
	for _, p := range c.Process {
		if p.Max != 0 && p.Max < p.Min {
			return fmt.Errorf("max of process is less than its min, %d", p.Min)
		}
	}
	return nil
}
