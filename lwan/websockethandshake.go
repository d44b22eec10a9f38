package lwan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// handshake is what client and server have agreed on.
type handshake struct {
	subprotocol string
	deflate     *wsframe.Deflate
}

// shakeHands checks the client's part of the opening handshake (RFC 6455 section 4.2.1), and sets
// the fields of the server's.
func (r *Response) shakeHands(cfg *WebSocketConfig) (handshake, error) {
	req := r.req
	switch {
	case req.method != "GET", !req.asksFor("websocket"):
		r.SetHeader("Upgrade", "websocket")
		return handshake{}, ErrNotWebSocket
	case req.Header("Sec-WebSocket-Version") != wsframe.Version:
		r.SetHeader("Upgrade", "websocket")
		r.SetHeader("Sec-WebSocket-Version", wsframe.Version)
		return handshake{}, &Error{
			Status: StatusUpgradeRequired, Message: "WebSocket version 13 is spoken here",
		}
	}
	key := req.Header("Sec-WebSocket-Key")
	if !req.head.WebSocket && !wsframe.ValidKey(key) { // RFC 8441 section 5: there is none
		return handshake{}, badHandshake("Sec-WebSocket-Key is not 16 bytes in base64", nil)
	}
	if err := cfg.admits(req.Header("Origin"), req.Host()); err != nil {
		return handshake{}, err
	}
	h := handshake{subprotocol: chosen(cfg.Subprotocols, req.HeaderAll("Sec-WebSocket-Protocol"))}
	deflate, err := wsframe.Negotiate(req.Header("Sec-WebSocket-Extensions"))
	if err != nil {
		return handshake{}, badHandshake("malformed Sec-WebSocket-Extensions", err)
	}
	if !req.head.WebSocket {
		r.SetHeader("Sec-WebSocket-Accept", wsframe.Accept(key))
	}
	if h.subprotocol != "" {
		r.SetHeader("Sec-WebSocket-Protocol", h.subprotocol)
	}
	if deflate != nil && cfg.Compress {
		h.deflate = deflate
		r.SetHeader("Sec-WebSocket-Extensions", deflate.Answer)
	}
	return h, nil
}

func badHandshake(message string, err error) error {
	return &Error{Status: StatusBadRequest, Message: message, Err: err}
}

// withdraw takes the fields back when something else is to be answered.
func (h *handshake) withdraw(r *Response) {
	r.DelHeader("Sec-WebSocket-Accept")
	r.DelHeader("Sec-WebSocket-Protocol")
	r.DelHeader("Sec-WebSocket-Extensions")
}

// chosen is the first of ours that the client offers; "": none.
func chosen(ours, offered []string) string {
	for _, p := range ours {
		for _, line := range offered {
			for item := range strings.SplitSeq(line, ",") {
				if strings.Trim(item, " \t") == p {
					return p
				}
			}
		}
	}
	return ""
}

// errOrigin is what a page gets that may not connect.
var errOrigin = &Error{
	Status: StatusForbidden, Message: "pages of this origin may not open a WebSocket here",
}

// admits reports why a page of origin must not connect to host; nil: it may, or there is no page.
// Browsers send the Origin of every page, and nothing else keeps one of another site from using the
// cookies of this (RFC 6455 section 10.2).
func (cfg *WebSocketConfig) admits(origin, host string) error {
	for _, allowed := range cfg.Origins {
		if _, _, ok := strings.Cut(allowed, "://"); !ok && allowed != "*" && allowed != "null" {
			return fmt.Errorf("lwan: WebSocketConfig.Origins has %q, which is no origin", allowed)
		}
	}
	if origin == "" {
		return nil
	}
	if scheme, from, ok := strings.Cut(origin, "://"); ok &&
		strings.EqualFold(withoutPort(scheme, from), withoutPort(scheme, host)) {
		return nil
	}
	if slices.ContainsFunc(cfg.Origins, func(allowed string) bool {
		return fits(allowed,
			origin)
	}) {
		return nil
	}
	return errOrigin
}

// withoutPort leaves the port out that the scheme implies.
func withoutPort(scheme, host string) string {
	switch strings.ToLower(scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// fits reports whether an origin is the allowed one, or one of those.
func fits(allowed, origin string) bool {
	if allowed == "*" || strings.EqualFold(allowed, origin) {
		return true
	}
	before, domain, ok := strings.Cut(allowed, "://*.")
	if !ok {
		return false
	}
	scheme, host, _ := strings.Cut(origin, "://")
	below := len(host) - len(domain) - 1
	return strings.EqualFold(scheme, before) && below > 0 && host[below] == '.' &&
		strings.EqualFold(host[below+1:], domain)
}
