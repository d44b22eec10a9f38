package lwan

import (
	"bytes"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Proactive negotiation by Accept (RFC 9110 section 12.5.1).

// accepts chooses one of offers, each a type/subtype, by an Accept field's value: the offer of the highest weight; among
// equals the one that was named more precisely, then the one whose range stands first, then the first of offers. An
// empty header accepts everything. "" means that none of them is acceptable.
//
// An element that is no media range, or whose weight is malformed, is left out: a client that cannot spell it has not
// asked for it. So are elements beyond the first KiB, since the time that this takes is a stranger's to choose.
func accepts(header []byte, offers ...string) string {
	if len(header) > maxAccept {
		header = header[:max(bytes.LastIndexByte(header[:maxAccept], ','), 0)]
	}
	if len(bytes.Trim(header, " \t,")) == 0 {
		return offers[0]
	}
	best, chosen := wish{}, ""
	for _, offer := range offers {
		if w := wishFor(header, offer); w.better(best) {
			best, chosen = w, offer
		}
	}
	return chosen
}

// maxAccept is how many bytes of an Accept are looked at; browsers send 150.
const maxAccept = 1 << 10

// wish is what a client wants of a media type.
type wish struct {
	weight int // in thousandths; 0: not acceptable
	match  precision
	at     int // which element said so; the first is 0
}

// precision is how precisely a media range names a type. The most precise range that fits decides about the weight,
// whatever weights others have.
type precision uint8

const (
	matchNone       precision = iota
	matchAny                  // */*
	matchType                 // text/*
	matchParameters           // text/html;level=1: strictly none of our types; it is taken for text/html if nothing else fits
	matchExact                // text/html
)

// better reports whether w is acceptable and to be preferred to o.
func (w wish) better(o wish) bool {
	switch {
	case w.weight != o.weight:
		return w.weight > o.weight
	case w.weight == 0:
		return false
	case w.match != o.match:
		return w.match > o.match
	}
	return w.at < o.at
}

// wishFor finds the weight of an offer.
func wishFor(header []byte, offer string) (found wish) {
	at := 0
	for element := range elements(header, ',') {
		media, weight, ok := mediaRange(element)
		if !ok {
			continue
		}
		if match := media.matches(offer); match > found.match {
			found = wish{weight, match, at}
		}
		at++
	}
	return found
}

// acceptRange is a media range.
type acceptRange struct {
	typ, sub   []byte
	parameters bool
}

func (m acceptRange) matches(offer string) precision {
	typ, sub, _ := strings.Cut(offer, "/")
	switch {
	case string(m.typ) == "*":
		return matchAny
	case !equalFold(m.typ, typ):
		return matchNone
	case string(m.sub) == "*":
		return matchType
	case !equalFold(m.sub, sub):
		return matchNone
	case m.parameters:
		return matchParameters
	}
	return matchExact
}

// mediaRange reads an element of Accept: a range, its parameters, its weight; what follows the weight is an extension of
// old and ignored.
func mediaRange(element []byte) (m acceptRange, weight int, ok bool) {
	weight = 1000
	first := true
	for part := range elements(element, ';') {
		if first {
			first = false
			if m, ok = splitRange(part); !ok {
				return m, 0, false
			}
			continue
		}
		name, value, _ := bytes.Cut(part, equals)
		if len(name) == 1 && name[0]|0x20 == 'q' {
			weight, ok = parseWeight(value)
			return m, weight, ok
		}
		m.parameters = m.parameters || len(part) > 0
	}
	return m, weight, ok
}

func splitRange(b []byte) (m acceptRange, ok bool) {
	m.typ, m.sub, ok = bytes.Cut(b, slash)
	ok = ok && message.ValidName(alias(m.typ)) && message.ValidName(alias(m.sub))
	if string(m.typ) == "*" && string(m.sub) != "*" {
		return m, false
	}
	return m, ok
}

var slash = []byte("/")

// parseWeight reads a qvalue in thousandths: 0 to 1 with at most three decimals (RFC 9110 section 12.4.2).
func parseWeight(b []byte) (weight int, ok bool) {
	if len(b) == 0 || len(b) > 5 || len(b) > 1 && b[1] != '.' || b[0] != '0' && b[0] != '1' {
		return 0, false
	}
	weight = int(b[0]-'0') * 1000
	unit := 100
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 0, false
		}
		weight += int(c-'0') * unit
		unit /= 10
	}
	return weight, weight <= 1000
}

// elements yields the parts of b between separators, without the blanks around them. A separator in a quoted string is
// none (RFC 9110 section 5.6.4).
func elements(b []byte, separator byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := elementEnd(b, separator)
			if !yield(bytes.Trim(b[:n], " \t")) {
				return
			}
			b = b[min(n+1, len(b)):]
		}
	}
}

func elementEnd(b []byte, separator byte) int {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == separator:
			return i
		}
	}
	return len(b)
}
