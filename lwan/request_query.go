package lwan

import "strings"

// Query is the value of the first query parameter of that name, decoded; "" if there is none. Use
// the function Query or QueryAll to tell an empty value from none.
//
// The query is read as net/url.ParseQuery reads it: "+" is a space; a pair with a semicolon or an
// invalid escape is ignored. So are pairs beyond Limits.QueryPairs: the rest of the request is
// still good.
func (r *Request) Query(name string) string {
	r.mustLive()
	value, _ := r.queryPairs().find(name)
	return strings.Clone(value)
}

// QueryAll is the values of all query parameters of that name, in order; nil if there is none.
func (r *Request) QueryAll(name string) []string { r.mustLive(); return r.queryPairs().all(name) }

// queryPairs decodes the query on its first call.
func (r *Request) queryPairs() *pairs {
	if p := &r.query; !p.made {
		p.made = !r.over()
		query, _ := r.rawQuery()
		p.decode(query, r.limits.QueryPairs)
	}
	return &r.query
}

// encodedForm is what was found wrong in a text of type application/x-www-form-urlencoded.
type encodedForm uint8

const (
	encodedWell      encodedForm = iota
	encodedMalformed             // pairs with a semicolon or an invalid escape were left out
	encodedTooMany               // so were those beyond the limit
)

// decode adds the pairs of text, which is of type application/x-www-form-urlencoded (WHATWG URL,
// 5.1, with the two refusals of net/url.ParseQuery). At most limit pairs are looked at, bad ones
// included. text must stay as it is as long as the pairs are used.
func (p *pairs) decode(text []byte, limit int) encodedForm {
	result := encodedWell
	for len(text) > 0 {
		raw := nextPair(text)
		room := len(text)
		whole := text[:raw.end]
		text = text[min(raw.end+1, room):]
		if len(whole) == 0 {
			continue
		}
		if limit--; limit < 0 {
			return encodedTooMany
		}
		if next, ok := p.decodePair(whole, raw, room); ok {
			p.list = append(p.list, next)
		} else {
			result = encodedMalformed
		}
	}
	return result
}

// rawPair is where the next pair of a text ends, and what is in it.
type rawPair struct {
	end       int
	equals    int // -1: none
	coded     bool
	semicolon bool
}

// nextPair looks at each byte once: most names and values are too short for anything cleverer.
func nextPair(text []byte) rawPair {
	raw := rawPair{end: len(text), equals: -1}
	for i, c := range text {
		switch c {
		case '&':
			raw.end = i
			return raw
		case '=':
			if raw.equals < 0 {
				raw.equals = i
			}
		case '%', '+':
			raw.coded = true
		case ';':
			raw.semicolon = true
		}
	}
	return raw
}

// decodePair splits and decodes a pair; false: it is malformed. What has nothing to decode is not
// copied.
func (p *pairs) decodePair(text []byte, raw rawPair, room int) (pair, bool) {
	// a separator for some readers and data for others: parameters are smuggled that way
	if raw.semicolon {
		return pair{}, false
	}
	name, value := text, text[:0]
	if raw.equals >= 0 {
		name, value = text[:raw.equals], text[raw.equals+1:]
	}
	if !raw.coded {
		return pair{alias(name), alias(value)}, true
	}
	n, ok1 := p.unescape(name, room)
	v, ok2 := p.unescape(value, room)
	return pair{n, v}, ok1 && ok2
}

// unescape decodes b, a name or a value; false: an invalid escape. room is no less than all that
// may still have to be decoded, so that decoded is allocated once.
func (p *pairs) unescape(b []byte, room int) (string, bool) {
	if cap(p.decoded)-len(p.decoded) < len(b) {
		p.decoded = make([]byte, 0, room) // the old array lives on in its views
	}
	start := len(p.decoded)
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]):
			c = unhex(b[i+1])<<4 | unhex(b[i+2])
			i += 2
		case c == '%':
			p.decoded = p.decoded[:start]
			return "", false
		}
		p.decoded = append(p.decoded, c)
	}
	return alias(p.decoded[start:]), true
}

func isHex(c byte) bool { return c-'0' < 10 || c|0x20-'a' < 6 }

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
