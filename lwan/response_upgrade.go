package lwan

import (
	"errors"
	"io"
	"net"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Upgrade switches the connection to another protocol (RFC 9110 section 7.8): it sends 101 and
// returns the connection, whose calls park the handler like all others. It belongs to the handler
// until that returns; then it is closed. In a Blocking handler it is one of package net: one
// goroutine may read while another one writes. A client that did not ask for proto gets an error of
// status 426. Unread bytes of the request's body are thrown away first: they are no part of the
// other protocol. The request's context ends when draining starts.
func (r *Response) Upgrade(proto string) (net.Conn, error) {
	r.mustLive()
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.term.leave()
	if err := r.begins(); err != nil {
		return nil, err
	}
	if !r.req.asksFor(proto) {
		r.SetHeader("Upgrade", proto)
		return nil, &Error{Status: StatusUpgradeRequired, Message: "this resource speaks " + proto}
	}
	if _, err := io.Copy(io.Discard, r.req.Body()); err != nil {
		return nil, err
	}
	if err := r.prepareHead(switching); err != nil {
		return nil, err
	}
	r.req.endsWithDraining()
	return r.switchTo(proto)
}

// Upgrade is the protocol that the client asks to switch to (RFC 9110 section 7.8), as it has
// written it; "" if it asks for none. For the WebSocket of HTTP/2 (RFC 8441) it is "websocket": such
// a request is routed as GET and has neither an Upgrade field nor a Sec-WebSocket-Key.
func (r *Request) Upgrade() string {
	r.mustLive()
	switch {
	case r.head.WebSocket:
		return "websocket"
	case r.head.Upgrade:
		return r.Header("Upgrade")
	}
	return ""
}

// asksFor reports whether the request asks for another protocol: by Upgrade, or over HTTP/2 by the
// CONNECT of a WebSocket (RFC 8441).
func (r *Request) asksFor(proto string) bool {
	if r.head.WebSocket {
		return proto == "websocket"
	}
	return r.head.Upgrade && message.HasToken(r.HeaderAll("Upgrade"), proto)
}

// switchTo sends a 101 response.
func (r *Response) switchTo(proto string) (conn net.Conn, err error) {
	var rest []byte
	req := r.req
	err = req.outside(func() (err error) {
		conn, rest, err = req.by.Raw(req.on, proto, r.describe(switching, transport.Unsaid))
		return err
	})
	if errors.Is(err, transport.ErrNotHere) {
		r.retreat()
		return nil, err
	}
	r.take(answerTaken, switching) // also if only a part of the head has left
	if err != nil {
		return nil, err
	}
	if req.on.Inline() {
		return &upgradedConn{Conn: conn, req: req, serial: req.serial, rest: rest}, nil
	}
	return conn, nil
}

// switching is the status of an answer that gives its connection to another protocol.
const switching = Status(101)
