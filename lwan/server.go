package lwan

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves Routes on event loops. Set fields, register routes, Run. The zero value works;
// fields are read when the server starts, and nothing may change after that. For limits and times
// zero means the default and negative none.
type Server struct {
	Routes

	Addr      string     // where to listen: "host:port", "unix:/path" or "systemd:name"; ":8080". Short for one Endpoint
	Endpoints []Endpoint // in place of Addr: several addresses, an admin port, options
	Loops     int        // event loops; 0: GOMAXPROCS when the server starts
	Threads   Threads    // what the loops' goroutines are tied to: ThreadsPinned
	Limits    Limits     // of each request; WithLimits overrides them for routes and groups

	// The first three and DrainIdle are counted in whole seconds, and may last up to one more.
	HeaderTimeout  time.Duration // from the first byte of a request to the end of its head (and to the first byte): 10 s; then 408
	IdleTimeout    time.Duration // between two requests on a connection: 60 s
	LingerTimeout  time.Duration // how long a client may send less than 16 KiB while it reads why its connection is closed: 2 s; 16 times as long in all; negative: no wait
	DrainTimeout   time.Duration // Run's patience with requests under way at shutdown: 30 s
	DrainIdle      time.Duration // in which an idle connection may still be used for one request once draining has begun: none; after Restart 10 s
	RestartTimeout time.Duration // Run's patience with the new process after SIGUSR2: 60 s

	MaxLineBytes       int // request line: 8 KiB; then 414
	MaxHeaderBytes     int // all field lines together, and those of a trailer section: 32 KiB; then 431
	MaxFields          int // field lines, and those of a trailer section: 128; then 431. 65,535 at most
	MaxChunkExtensions int // bytes of the chunk extensions of a body, which mean nothing: 4 KiB; then 400
	MaxRequests        int // of one connection: none. The last answer says "Connection: close"
	MaxPipelined       int // requests of one connection answered before others have a turn: 64

	// LingerBytes is how much of what a client still sends behind its last answer is thrown away,
	// so that it can read that answer, as the one that refuses its upload: 64 MiB. It is fewer the
	// longer it takes: none are left at the end of LingerTimeout's whole time. Then the connection
	// is closed, and what was not read may be lost.
	LingerBytes int64

	// HandshakeTimeout is how long a handshake of TLS may take, from the first byte of the
	// connection or before it to its end, however much comes meanwhile: 10 s; then closed. Loops
	// round it up to whole seconds.
	HandshakeTimeout time.Duration
	// MaxHandshakes bounds the handshakes under way: 1024; others wait, of which the client has
	// sent its first record. Those that wait are not among them, nor those that have sent nothing.
	MaxHandshakes int

	HTTP2 HTTP2Limits // what one connection of HTTP/2 may ask for

	// MaxConns bounds the open connections: as many as there are descriptors; then 503 with
	// Retry-After. Without a free descriptor idle connections are given up for new ones.
	MaxConns int
	// MaxConnsPerAddr bounds those of one remote address: an IPv4 address, or the /64 of an IPv6
	// one. none; then 503 with Retry-After. It is off by default, and costs nothing then, since all
	// who come through a proxy or a shared gateway have one address, but where Endpoint.Proxy says
	// which. X-Forwarded-For is not looked at: it comes later than a connection. Unix sockets are
	// not counted.
	MaxConnsPerAddr int
	Goroutines      int // for Await and Blocking together: 4096; beyond it as many requests queue, then ErrBusy

	// A handler, or a hook (ErrorPage, BeforeHead, Filter, Observer, Defer), that holds its loop
	// for longer than StallAfter is reported, and so is a route whose handlers, however short, hold
	// it for a tenth of a second in a second in which half is held without computing: 20 ms;
	// negative: no watchdog. The route is run as Blocking from then on.
	StallAfter    time.Duration
	TakeOverAfter time.Duration // one that holds it for so long loses it: another thread goes on with the loop; 200 ms; negative: never
	KeepInline    bool          // report stalling routes, and do not move them off the loop
	OnStall       func(Stall)   // is told of each stall, on a goroutine of its own

	Header         http.Header                                          // sent with every answer that does not set the same field
	ErrorStatus    func(err error) Status                               // status of your errors: sql.ErrNoRows is 404; 0: not mine
	ErrorPage      func(req *Request, resp *Response, st Status) Status // writes the body of an error, with Response.Message; nil, or nothing written: the built-in page
	JSON           Codec                                                // nil: encoding/json
	TrustedProxies []netip.Prefix                                       // whose X-Forwarded-For and -Proto are believed: none, but for an Endpoint's TrustPeers
	Heartbeat      time.Duration                                        // pause after which an event stream sends a comment: 15 s
	Log            *slog.Logger                                         // nil: slog.Default(). The server's own lines never wait for it, see Stats.LogLost

	// Confine gives up what the process needs no more: privileges, parts of the file system. It is
	// called once, when modules are open, certificates read and sockets bound, and before the first
	// connection is accepted and Go runs anything. Threads that start later have what all threads
	// have then. An error ends the start.
	Confine func() error

	KeepGOMAXPROCS bool  // do not raise GOMAXPROCS to twice the loops, which Run does so that loops and goroutines do not queue for processors
	HeapFloor      int64 // bytes of heap below which Run lets the collector rest: 32 MiB; it costs address space, no memory

	observers []Observer
	modules   []AnyModule
	life      life
}

// Threads says what the goroutines that turn the loops are tied to.
type Threads uint8

const (
	ThreadsPinned Threads = iota // each loop has an OS thread of its own
	ThreadsCPU                   // and that thread stays on one CPU
	ThreadsFree                  // goroutines as any others
)

// Endpoint is one place to listen.
type Endpoint struct {
	Addr string // "host:port", "unix:/run/app.sock", "systemd:name"; ":8080" if Listener is nil too

	// Listener is in place of Addr. Its descriptor is duplicated, and it is closed with the server.
	// While it is open the Go runtime watches it too, and each new connection wakes one of its
	// threads in vain.
	Listener net.Listener

	// TLS and Certs, or one of them, encrypt the endpoint; TLS is copied at the start. Without
	// Certs it needs Certificates, or a callback that finds them, as that of
	// golang.org/x/crypto/acme/autocert does. Versions before TLS 1.2 are refused (RFC 8996);
	// where CipherSuites is nil, TLS 1.2 has those with forward secrecy and AEAD only. Keys of session tickets are the server's, new every 8 hours, good for 24, and handed over by
	// Restart, unless TLS brings its own, or WrapSession. Where clients show certificates, or TLS
	// has GetConfigForClient, a request for another host than that of the handshake gets 421.
	//
	// Callbacks of TLS may block: they run on goroutines, but for KeyLogWriter, Rand and
	// Time, which must not. The Conn of a ClientHelloInfo is for its addresses.
	TLS   *tls.Config
	Certs *CertFiles // nil: the certificates are TLS's

	// Protocols are those that clients may choose from: 0 is HTTP/1.1 and HTTP/2 over TLS, or what
	// TLS.NextProtos names of them, and HTTP/1.1 in the clear.
	Protocols Protocols

	Mode        fs.FileMode   // of a unix socket: 0660; 0: as the umask gives it
	TrustPeers  bool          // whoever connects here is a trusted proxy, as those of Server.TrustedProxies: for a socket that only a proxy reaches
	Routes      *Routes       // nil: the server's. An admin port: a table of its own on the same loops
	FastOpen    int           // length of the TCP Fast Open queue; 0: off
	DeferAccept time.Duration // accept a TCP connection only when it has sent something, or after so long; 0: off

	// Proxy is whose PROXY protocol is believed, versions 1 and 2: a connection from one of these
	// networks must begin with its header, before TLS, and is closed without one. RemoteAddr is the
	// address that the header announces then, with all that goes by it (PeerAddr, TrustedProxies,
	// MaxConnsPerAddr, and the addresses that a handshake knows); where it announces none, as for a
	// check of the proxy's own, it is the proxy's. The header may have 4 KiB, and comes within
	// Server.HandshakeTimeout, which is for it and for the handshake together. Others must not send
	// one, and get 400. On a unix socket, whose peers have no address, all are believed unless Proxy
	// is empty. nil: nobody. It excludes TrustPeers: whoever is announced is not trusted by that.
	Proxy []netip.Prefix

	// Conn, if not nil, serves the endpoint's connections in place of HTTP: on their loop, where
	// its calls park, behind the handshake of TLS where the endpoint has one (ALPN offers
	// TLS.NextProtos then, and c.ConnectionState says what was chosen). It is called as soon as there is a
	// connection, and may speak first. The connection is its own until it returns, and is closed
	// then, so that the peer can read what was written; or it is left to a tunnel, by Join, which
	// holds no worker. Requests know nothing of it: no routes, middleware, observers, counts of
	// requests.
	//
	// c is also who waits for connections of a Dialer. A peer that ends its side has not left: Read
	// says io.EOF, and writing goes on. A read waits as long as its deadline says, a write for
	// Limits.Write if it has none. When draining begins c.Context ends, and a Read of c that has
	// nothing to read returns ErrStopping, once; everything else goes on for Server.DrainTimeout at
	// most. The same happens Tables.Grace after a Replace, as the function holds the
	// configuration. A panic is logged, and the peer sees a reset.
	//
	// MaxConns, MaxConnsPerAddr, Proxy and the limits of handshakes are as for HTTP; who is refused
	// is closed without an answer. DeferAccept must be 0 where the server speaks first. It excludes
	// Routes, Protocols and TrustPeers. On net/http it has a goroutine of its own.
	Conn func(c *Conn)

	// Congestion is the algorithm that TCP connections control congestion by, as "cubic" or "bbr"
	// (TCP_CONGESTION, tcp(7)); "": the system's. The server does not start with one that the
	// system does not have, or does not allow. A Listener brings its own.
	Congestion string

	// MaxConnsPerAddr takes the place of Server.MaxConnsPerAddr for the connections to this
	// endpoint, which are counted by themselves: 0: the server's counts. Behind a proxy all
	// connections have one address.
	MaxConnsPerAddr int
}

// life is what changes while a server lives.
type life struct {
	mu      sync.Mutex // never held while code of the program's runs
	state   lifeState
	begun   chan struct{}           // closed at the end of starting, however that went
	hurry   context.CancelCauseFunc // ends the patience of the end under way
	patient context.Context         // over: nobody waits long for code of the program's any more
	leave   context.CancelFunc      // ends it
	inside  map[uint64]bool         // goroutines that the start or the end waits for
	core    *process
	current *core
	opening atomic.Pointer[opening] // whose modules are being opened; nil: none are
	engine  engine
	loops   int // what Run found before it raised GOMAXPROCS; 0: Run was not called
	addrs   []net.Addr
	ready   chan struct{}
	over    chan struct{} // closed when everything has ended
	cause   error         // why it ended, if a worker of Go failed
	duties  duties        // of the program
	failed  chan error    // a worker of Go failed

	refs      sync.Mutex     // guards former, and which configurations have a module
	former    map[*core]bool // configurations that were replaced, and are still held
	replacing sync.WaitGroup // 1 while Replace is under way
	replaces  bool           // so it is

	ends        []Endpoint
	tickets     *ticketKeys             // nil: nothing is encrypted
	stopRestart context.CancelCauseFunc // of the restart that is under way; nil: none is
	restarting  sync.WaitGroup
	handedOver  chan struct{} // closed when another process serves in this one's place
	successor   int           // and its number
	seams       loopSeams     // of the loops to the system; tests put faults there
	closeGrace  time.Duration // how long what OnClose was given may take when patient is over
}

// lifeState is how far a server has come.
//
//	new ──beginStart──▶ starting ──endStart──▶ built, serving ──beginEnd──▶ ending ──finish──▶ over
//	new ──beginEnd──▶ ending                   starting ──endStart──▶ over    it has failed
//
//	starting  one goroutine opens modules, compiles and listens; who wants to end the server waits
//	          for it
//	built     Build's handler may be called; there is no engine
//	ending    one goroutine ends all of it: finish
type lifeState uint8

const (
	lifeNew lifeState = iota
	lifeStarting
	lifeBuilt
	lifeServing
	lifeEnding
	lifeOver
)

func (s *Server) lifeInit() {
	if s.life.ready == nil {
		s.life.ready = make(chan struct{})
		s.life.begun = make(chan struct{})
		s.life.over = make(chan struct{})
		s.life.failed = make(chan error, 1)
		s.life.handedOver = make(chan struct{})
		s.life.inside = map[uint64]bool{}
		s.life.former = map[*core]bool{}
		s.life.hurry = func(error) {} // nothing is left to end when a start has failed
		s.life.patient, s.life.leave = context.WithCancel(context.Background())
		s.life.closeGrace = cmp.Or(s.life.closeGrace, defaultCloseGrace)
	}
}

// Build opens the modules, compiles the routes and returns them as one handler: for tests and for
// ToHTTP. What Go was given runs from then on; Close ends it and closes the modules.
func (s *Server) Build() (h Handler, err error) {
	if err := s.beginStart(); err != nil {
		return nil, err
	}
	err = errStart
	defer func() { err = s.endStart(lifeBuilt, err) }()
	if err = s.build([]*Routes{&s.Routes}); err != nil {
		return nil, err
	}
	return s.life.current.tables[0].enter, nil
}

// build opens modules and compiles tables, one for each of roots.
func (s *Server) build(roots []*Routes) error {
	if err := s.check(); err != nil {
		return err
	}
	c := s.newCore()
	s.life.mu.Lock()
	s.life.core, s.life.current = c.process, c
	s.life.mu.Unlock()
	return s.open(context.Background(), c, roots, nil)
}

// check finds what is wrong in the fields.
func (s *Server) check() error {
	var errs []error
	if s.Threads > ThreadsFree {
		errs = append(errs, fmt.Errorf("lwan: Server.Threads is %d, which does not exist", s.Threads))
	}
	if s.Addr != "" && len(s.Endpoints) > 0 {
		errs = append(errs, errors.New("lwan: Server.Addr and Server.Endpoints are both set; use one"))
	}
	errs = append(errs, checkHeader("Server.Header", s.Header))
	for i, o := range s.observers {
		if o == nil {
			errs = append(errs, fmt.Errorf("lwan: observer %d is nil", i))
		}
	}
	return errors.Join(errs...)
}

// checkHeader finds what is wrong in fields for all answers; where is what errors call them.
func checkHeader(where string, header http.Header) error {
	var errs []error
	for name, values := range header {
		for _, v := range values {
			if err := checkField(name, v); err != nil {
				errs = append(errs, fmt.Errorf("lwan: %s: %w", where, err))
			}
		}
	}
	return errors.Join(errs...)
}

// newCore is the configuration of the server's fields.
func (s *Server) newCore() *core {
	p := &process{srv: s, json: s.JSON}
	p.setLog(s.logger())
	p.ending, p.drain = context.WithCancel(context.Background())
	p.head, p.chunks = s.headLimits(), s.chunkLimits()
	if p.json == nil {
		p.json = jsonCodec{}
	}
	p.goroutine = newGoroutines(s.Goroutines)
	return p.newCore(s.Limits, s.Header, s.observers, s.ErrorPage)
}

// newCore is one whose tables are still to come.
func (p *process) newCore(
	l Limits, header http.Header, observers []Observer, page func(*Request, *Response, Status) Status,
) *core {
	c := &core{
		process: p, limits: l.resolve(), header: fieldsOf(header), page: page,
		observers: slices.Clone(observers),
	}
	c.stopping, c.retire = context.WithCancel(p.ending)
	c.stopping.Done() // its channel is made here, and not in the first bubble of synctest that asks
	c.life.closed = make(chan struct{})
	return c
}

// Go runs fn from the start of the server to its shutdown: its context ends after the last request.
// An error or a panic of fn stops the server, and is what Run returns. Call it before the server
// starts, or in a module's Open: then it ends with the module, when others have taken the place of
// its tables and nobody uses it any more (see Replace), and errors of what ends so are logged.
func (s *Server) Go(fn func(ctx context.Context) error) {
	s.duties().run(fn)
}

// duties are those of the module that is being opened, else of the program.
func (s *Server) duties() *duties {
	if o := s.life.opening.Load(); o != nil && o.module != nil {
		return &o.module.duties
	}
	return &s.life.duties
}

// OnClose runs fn at the end of the server, after the last request and all that Go runs; in reverse
// order of the calls. What a module gives it runs when the module is closed. One that does not
// return is left behind in the end, see Shutdown.
func (s *Server) OnClose(fn func() error) {
	s.duties().onClose(fn)
}

// Observer sees every request once its answer has ended: a whole one when it was handed to the
// connection, a stream behind its last byte, or when it was cut, and that of Topic.Subscribe at the
// end of the subscription, which may be hours after its handler has returned. BytesSent and took
// are those of the whole answer. Err is what Fail was told, or what has ended a stream before its
// time; for a subscription ErrGone, ErrSlow, or ErrDropped in the middle of an event, and nil if it
// was ended properly. (A connection that net/http code has hijacked is not followed: it ends with
// its handler.)
//
// req and resp are valid during the call. Those of a subscription are a copy, which the server
// keeps as long as that lives, since the worker serves others meanwhile: about 2 KB and the
// request's head for each subscriber, on a server that has observers. All that can be asked is
// there, also what middleware has set (Key, SetContext, SetLog), but for the body.
type Observer interface {
	// Done is called once for each request, also for those that no handler saw (400, 408, 431:
	// req.Method is ""). It runs on the loop, or the handler's goroutine, many at the same time,
	// and must not block. For a subscription it runs when Request.Defer has long run and the
	// context has ended; otherwise before those.
	Done(req *Request, resp *Response, took time.Duration)
	// Close is called once, at the end of the server or of the Tables that had it, on a goroutine.
	// Run returns its error; that of Tables that were replaced is logged.
	Close() error
}

// Observe calls o at the end of each answer. One that a module gives it sees the answers of all
// routes that are replaced together with the module's, see Replace.
func (s *Server) Observe(o Observer) {
	if open := s.life.opening.Load(); open != nil && open.module != nil {
		open.module.observers = append(open.module.observers, o)
	} else {
		s.observers = append(s.observers, o)
	}
	if o != nil {
		s.OnClose(o.Close)
	}
}

// Ready is closed once the server listens.
func (s *Server) Ready() <-chan struct{} {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.lifeInit()
	return s.life.ready
}

// Draining reports whether the server has begun to stop. It answers those who are connected, and a
// check of its health should say that no more shall come. It is for any goroutine.
func (s *Server) Draining() bool {
	s.life.mu.Lock()
	core := s.life.core
	s.life.mu.Unlock()
	return core != nil && core.ending.Err() != nil
}

// Addrs is where the server listens, in the order of Endpoints; nil before Ready.
func (s *Server) Addrs() []net.Addr {
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	return s.life.addrs
}

// loops is how many there will be.
func (s *Server) loops() int {
	switch {
	case s.Loops > 0:
		return s.Loops
	case s.life.loops > 0:
		return s.life.loops
	}
	return runtime.GOMAXPROCS(0)
}
