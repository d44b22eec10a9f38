package lwan

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// WebSocketConfig says how a WebSocket is spoken (RFC 6455; on the loops over HTTP/2, too, RFC 8441).
// nil and the zero value work. Its slices must not change while requests are served.
type WebSocketConfig struct {
	// Subprotocols are those that the server speaks, in the order in which it prefers them: the
	// first that the client offers is agreed on. None: no subprotocol, whatever is offered.
	Subprotocols []string
	// Origins says whose pages may connect besides the host's own: "https://app.example.com",
	// "https://*.example.com" for all hosts below example.com, "null", or "*" for everybody. Other
	// pages get 403. A client that sends no Origin is no browser, and may. With X-Forwarded-Host
	// in play, the host is Request.Host all the same.
	Origins []string
	// MaxMessage is how many bytes a message may have, after decompression: 1 MiB; negative: any
	// number. A larger one ends the connection with 1009.
	MaxMessage int64
	// Backlog is how many bytes a client may owe before Socket.Push says ErrSlow: 256 KiB. The zero
	// value, and a negative one, mean that.
	Backlog int
	// Ping is the pause in what the client sends after which it is asked whether it is there, while
	// the handler waits in Receive. If nothing comes for as long again it is given up, with
	// ErrTimeout. 30 s, in whole seconds, rounded up; negative: it is never asked.
	Ping time.Duration
	// CloseTimeout is how long the closing handshake waits for the client: 2 s; negative: not at
	// all.
	CloseTimeout time.Duration
	// Compress lets messages be compressed (permessage-deflate, RFC 7692) if the client offers it:
	// without context takeover, so that a connection keeps no memory of what was sent. Messages of
	// less than 128 bytes go as they are.
	Compress bool
}

const (
	defaultMessage      = 1 << 20
	defaultPing         = 30 * time.Second
	defaultCloseTimeout = 2 * time.Second
	compressFrom        = 128
)

// MessageKind is the type of a message (RFC 6455 section 5.6).
type MessageKind uint8

const (
	TextMessage   MessageKind = 1 // valid UTF-8: what is not ends the connection with 1007
	BinaryMessage MessageKind = 2
)

// CloseError is how a WebSocket ended: by a close frame, received or sent. Fail takes it for a
// client that has left, or, when the client has sent what it must not, for a bad request: neither
// is an error of the server's.
type CloseError struct {
	Code   int    // RFC 6455 section 7.4.1; 1005: it named none
	Reason string // UTF-8, at most 123 bytes
}

// Error describes the end for a log.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("lwan: the WebSocket was closed with %d", e.Code)
	}
	return fmt.Sprintf("lwan: the WebSocket was closed with %d: %s", e.Code, e.Reason)
}

// StatusCode is what Fail makes of it.
func (e *CloseError) StatusCode() int {
	switch e.Code {
	case wsframe.CodeProtocol, wsframe.CodeInvalid:
		return int(StatusBadRequest)
	case wsframe.CodeTooBig:
		return int(StatusTooLarge)
	}
	return int(StatusClientGone)
}

// WebSocket makes the connection a WebSocket for the handler, which reads and writes it as anything
// else that parks. It lives until the handler returns: then it is closed with 1000, or with 1011 if
// the status is 500 or more, as after a panic. When draining starts its waits end with ErrStopping,
// and it is closed with 1001. Observers and middleware see 101.
//
// A client of HTTP/2 asks by a CONNECT, which is shown and routed as a GET without Upgrade; its
// WebSocket is a stream beside others, and a handler that answers it with anything else than a
// WebSocket answers an error: 2xx is sent as 501. Where net/http serves there are none.
//
// An error has a status for Fail: 426 for a request that asks for no WebSocket (ErrNotWebSocket),
// or for another version; 403 for a page of an origin that may not connect; 400 for a malformed
// handshake. Nothing was sent then.
//
// A handler on a loop does one thing at a time: it waits in Receive, or it sends. One that is
// Blocking may read on one goroutine while others send. While a handler waits in Receive its worker
// is parked, which costs some KiB.
func (r *Response) WebSocket(cfg *WebSocketConfig) (*WebSocket, error) {
	r.mustLive()
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.term.leave()
	if cfg == nil {
		cfg = new(WebSocketConfig)
	}
	agreed, err := r.shakeHands(cfg)
	if err != nil {
		return nil, err
	}
	conn, err := r.Upgrade("websocket")
	if err != nil {
		agreed.withdraw(r)
		return nil, err
	}
	w := &WebSocket{
		req: r.req, conn: conn, inline: r.req.on.Inline(),
		subprotocol: agreed.subprotocol, deflate: agreed.deflate,
		ping: wholeSeconds(orPause(cfg.Ping, defaultPing)), limit: r.req.limits.Write,
		closeTimeout: orPause(cfg.CloseTimeout, defaultCloseTimeout),
	}
	w.in = w.small[:]
	w.frames.Deflate = agreed.deflate != nil
	w.frames.MaxMessage = max(cfg.MaxMessage, 0)
	if cfg.MaxMessage == 0 {
		w.frames.MaxMessage = defaultMessage
	}
	r.socket = w
	return w, nil
}

func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// WebSocket is one, as the handler that has it sees it. On a loop its methods are for the handler
// only: another goroutine gets ErrForeign. In a Blocking handler, and on net/http, one goroutine
// may receive while any number send. After the handler has returned they return ErrOver.
//
//	open ──Close, or the handler returns──▶ closing ──the client's close frame──▶ closed
//	open ──the client's close frame: it is answered──▶ closed
//	open ──the client breaks a rule: it is told──▶ closed
//	open, closing ──it leaves, or is too slow──▶ gone
//
// A handler that calls Receive again after that has returned an error has not listened: as with any
// other wait of a request that is over, it is unwound, with its deferred functions run.
type WebSocket struct {
	_ noCopy

	// constant
	req          *Request
	conn         net.Conn
	inline       bool // the handler runs on a loop: nobody else may use conn
	subprotocol  string
	deflate      *wsframe.Deflate // nil: messages are not compressed
	ping         time.Duration    // 0: none
	limit        time.Duration    // how long the client may take nothing; 0: for ever
	closeTimeout time.Duration

	// reading is held by who reads. A worker that parks with it shares it with no other worker.
	reading  sync.Mutex
	frames   wsframe.Reader
	in       []byte
	pos, end int          // in[pos:end] has come and was not looked at
	large    *frameBuffer // what in is, while a large frame comes
	small    [smallRead]byte
	asked    bool // a ping was sent, and nothing has come since
	told     bool // Receive has returned why it is over

	// writing is held by who writes, likewise.
	writing sync.Mutex

	mu     sync.Mutex // guards the fields below; it is held for a moment only
	over   error      // why nothing is received and sent any more
	left   bool       // the handler has returned
	broken bool       // a frame has left in part: nothing can follow
	rest   []byte     // what the request's end has cut or held back: the last words begin with it
	owed   owed
	sent   bool      // our close frame has left, or will
	seen   bool      // the client's has come
	failed bool      // the client has broken a rule: nothing that it sends means anything
	until  time.Time // how long reading waits; zero: until it is time for a ping
}

// ErrNotWebSocket is returned when the request did not ask for a WebSocket. It has status 426.
var ErrNotWebSocket error = &Error{
	Status: StatusUpgradeRequired, Message: "this resource is a WebSocket",
}

var (
	errMessageKind = errors.New("lwan: neither a text nor a binary message")
	errMessageText = errors.New("lwan: a text message is not UTF-8")
	errCloseCode   = errors.New("lwan: a code that no close frame may carry")
	errCloseReason = errors.New("lwan: a close frame's reason is longer than 123 bytes, or not " +
		"UTF-8")
)

// Receive waits for the next message, and parks the handler meanwhile. msg is valid until the next
// call, or Close. Pings are answered. The end is a *CloseError; ErrGone if the connection ended
// without a close frame; ErrTimeout if the client does not answer to pings; ErrStopping.
func (w *WebSocket) Receive() (kind MessageKind, msg []byte, err error) {
	if err := w.alive(); err != nil {
		return 0, nil, err
	}
	w.reading.Lock()
	defer w.reading.Unlock()
	if err := w.ended(); err != nil {
		return 0, nil, w.tell(err)
	}
	for {
		m, err := w.next()
		over := w.ended()
		switch {
		case over == nil && err == nil:
			return MessageKind(m.Op), m.Payload, nil
		case over != nil && err != nil: // which may be that the client did not answer Close
			return 0, nil, w.tell(over)
		case err != nil:
			return 0, nil, err
		} // else Close was called meanwhile, and nobody wants the message
	}
}

// tell says why the WebSocket is over, and unwinds a handler that was told before.
func (w *WebSocket) tell(err error) error {
	if w.told {
		w.req.unwind()
	}
	w.told = true
	return err
}

// Send sends a message and waits as long as the client is slow, each time at most Limits.Write. The
// message has left, to the kernel at least, when it returns. Its errors are those of Receive, and
// ErrTimeout for a client that takes nothing.
func (w *WebSocket) Send(kind MessageKind, msg []byte) error {
	if err := kind.check(msg); err != nil {
		return err
	}
	if err := w.alive(); err != nil {
		return err
	}
	err := w.send(wsframe.Opcode(kind), msg)
	if owed := w.settle(); err == nil {
		err = owed
	}
	return err
}

// SendText is Send for a text message.
func (w *WebSocket) SendText(s string) error {
	return w.Send(TextMessage, unsafe.Slice(unsafe.StringData(s), len(s))) // only read
}

// Close begins the closing handshake, behind a message that another goroutine is sending, and waits
// for the client's part of it. code is one that may be sent: 1000 to 1003, 1007 to 1014, or 3000 to
// 4999. Receive and Send return a *CloseError afterwards. ErrTimeout: the client did not answer
// within CloseTimeout; the connection ends all the same when the handler returns. Of a WebSocket
// that is over already it returns why.
func (w *WebSocket) Close(code int, reason string) error {
	if err := checkClose(code, reason); err != nil {
		return err
	}
	if err := w.alive(); err != nil {
		return err
	}
	if err := w.beginClose(&CloseError{code, reason}); err != nil {
		return err
	}
	return w.awaitClose()
}

// Subprotocol is the one that was agreed on; "" if there is none.
func (w *WebSocket) Subprotocol() string { return w.subprotocol }
