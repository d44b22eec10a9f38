package wsframe

import (
	"errors"
	"strconv"
	"strings"
)

// ErrExtensions is returned for a Sec-WebSocket-Extensions that is malformed: the handshake has to
// be refused (RFC 6455 section 9.1).
var ErrExtensions = errors.New("websocket: malformed Sec-WebSocket-Extensions")

// Deflate is permessage-deflate as it was agreed on: without context takeover in either direction
// (RFC 7692 section 7.1.1).
type Deflate struct {
	Window int    // bytes that a reference of ours may go back
	Answer string // the value of Sec-WebSocket-Extensions that accepts it
}

const maxWindowBits = 15

// Negotiate chooses the first offer of permessage-deflate in a client's Sec-WebSocket-Extensions
// that can be accepted; nil: there is none. Several field lines are joined with commas.
func Negotiate(field string) (*Deflate, error) {
	var chosen *Deflate
	for rest := field; ; {
		offer, bits := offer{}, maxWindowBits
		var err error
		if rest, err = offer.parse(rest); err != nil {
			return nil, err
		}
		if chosen == nil && offer.acceptable(&bits) {
			chosen = &Deflate{Window: 1 << bits, Answer: deflateAnswer(bits)}
		}
		if rest == "" {
			return chosen, nil
		}
		rest = rest[1:] // a comma
	}
}

// deflateAnswer accepts an offer. What the client's window is does not matter: ours fits all.
func deflateAnswer(bits int) string {
	answer := "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	if bits < maxWindowBits {
		answer += "; server_max_window_bits=" + strconv.Itoa(bits)
	}
	return answer
}

// offer is one extension that a client offers (RFC 6455 section 9.1):
//
//	name ; parameter ; parameter=value ; parameter="value"
type offer struct {
	name   string // "" for an empty element of the list
	params []param
}

type param struct {
	name, value string
	hasValue    bool
}

// parse reads an offer, and returns what follows: nothing, or a comma and the next one.
func (o *offer) parse(s string) (rest string, err error) {
	s = trimOWS(s)
	if o.name, s = token(s); o.name == "" {
		if s == "" || s[0] == ',' { // an empty element (RFC 9110 section 5.6.1.2)
			return s, nil
		}
		return "", ErrExtensions
	}
	for s = trimOWS(s); strings.HasPrefix(s, ";"); s = trimOWS(s) {
		var p param
		if p.name, s = token(trimOWS(s[1:])); p.name == "" {
			return "", ErrExtensions
		}
		if s = trimOWS(s); strings.HasPrefix(s, "=") {
			p.hasValue = true
			if p.value, s = value(trimOWS(s[1:])); p.value == "" {
				return "", ErrExtensions
			}
		}
		o.params = append(o.params, p)
	}
	if s != "" && s[0] != ',' {
		return "", ErrExtensions
	}
	return s, nil
}

// acceptable reports whether we can do what is offered, and how large our window may be. An offer
// with a parameter that is unknown, invalid or repeated has to be declined (RFC 7692 section 7.1).
func (o *offer) acceptable(bits *int) bool {
	if o.name != "permessage-deflate" {
		return false
	}
	seen := map[string]bool{}
	for _, p := range o.params {
		if seen[p.name] {
			return false
		}
		seen[p.name] = true
		switch p.name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if p.hasValue {
				return false
			}
		case "client_max_window_bits":
			if n := windowBits(p.value); p.hasValue && n == 0 {
				return false
			}
		case "server_max_window_bits":
			if *bits = windowBits(p.value); *bits == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// windowBits is a number from 8 to 15, else 0 (RFC 7692 section 7.1.2).
func windowBits(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 8 || n > maxWindowBits || s[0] == '0' || s[0] == '+' {
		return 0
	}
	return n
}

// token takes a token off the front of s (RFC 9110 section 5.6.2).
func token(s string) (t, rest string) {
	n := 0
	for n < len(s) && isTokenChar(s[n]) {
		n++
	}
	return s[:n], s[n:]
}

// value takes a token, or a quoted token, off the front of s.
func value(s string) (v, rest string) {
	if !strings.HasPrefix(s, `"`) {
		return token(s)
	}
	v, rest = token(s[1:])
	if !strings.HasPrefix(rest, `"`) {
		return "", ""
	}
	return v, rest[1:]
}

func isTokenChar(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func trimOWS(s string) string { return strings.TrimLeft(s, " \t") }
