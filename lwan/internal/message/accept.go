package message

import (
	"bytes"
	"strings"
)

// Proactive negotiation of the media type (RFC 9110 section 12.5.1).

// Accepts chooses one of offers, each a type/subtype, by the value of Accept: the offer of the
// highest weight; among equals the one that was named more precisely, then the one whose range
// stands first, then the first of offers. An empty header accepts everything. "" means that none of
// them is acceptable.
//
// An element that is no media range, or whose weight is malformed, is left out: a client that
// cannot spell it has not asked for it. So are elements beyond the first KiB: clients choose the
// length of this field, and each offer reads all of it.
func Accepts(header []byte, offers ...string) string {
	if len(offers) == 0 {
		return ""
	}
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

// precision is how precisely a media range names a type. The most precise range that fits decides
// about the weight, whatever weights others have.
type precision uint8

const (
	matchNone       precision = iota
	matchAny                  // */*
	matchType                 // text/*
	matchParameters           // text/html;level=1: taken for text/html if nothing else fits
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
	for element := range Elements(header, ',') {
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
	case !EqualFold(m.typ, typ):
		return matchNone
	case string(m.sub) == "*":
		return matchType
	case !EqualFold(m.sub, sub):
		return matchNone
	case m.parameters:
		return matchParameters
	}
	return matchExact
}

// mediaRange reads an element of Accept: a range, its parameters, its weight; what follows the
// weight is an old extension and ignored.
func mediaRange(element []byte) (m acceptRange, weight int, ok bool) {
	weight = 1000
	first := true
	for part := range Elements(element, ';') {
		if first {
			first = false
			if m, ok = splitRange(part); !ok {
				return m, 0, false
			}
			continue
		}
		name, value, _ := cutByte(part, '=')
		if len(name) == 1 && name[0]|0x20 == 'q' {
			weight, ok = ParseWeight(value)
			return m, weight, ok
		}
		m.parameters = m.parameters || len(part) > 0
	}
	return m, weight, ok
}

func splitRange(b []byte) (m acceptRange, ok bool) {
	m.typ, m.sub, ok = cutByte(b, '/')
	ok = ok && isName(m.typ) && isName(m.sub)
	if string(m.typ) == "*" && string(m.sub) != "*" {
		return m, false
	}
	return m, ok
}
