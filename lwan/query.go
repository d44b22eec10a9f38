package lwan

import (
	"bytes"
	"strings"
)

// maxQueryPairs is how many pairs of a query are looked at. What comes behind them is ignored: the rest of the request is
// still good, and no honest page sends so many.
const maxQueryPairs = 1000

// Query is the value of the first query parameter of that name, decoded; "" if there is none. Use the function Query or
// QueryAll to tell an empty value from none.
//
// The query is read as net/url.ParseQuery reads it: "+" is a space; a pair with a semicolon or an invalid escape is
// ignored. Pairs beyond the thousandth are ignored too.
func (r *Request) Query(name string) string {
	value, _ := r.queryPairs().find(name)
	return strings.Clone(value)
}

// QueryAll is the values of all query parameters of that name, in order; nil if there is none.
func (r *Request) QueryAll(name string) []string { return r.queryPairs().all(name) }

// queryPairs decodes the query on its first call.
func (r *Request) queryPairs() *pairs {
	if p := &r.query; !p.made {
		p.made = true
		p.decode(r.head.Query.Of(r.buf), maxQueryPairs)
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

// decode adds the pairs of text, which is of type application/x-www-form-urlencoded (WHATWG URL, 5.1, with the two
// refusals of net/url.ParseQuery). At most limit pairs are looked at, bad ones included. text must stay as it is as long
// as the pairs are used.
func (p *pairs) decode(text []byte, limit int) encodedForm {
	result := encodedWell
	for len(text) > 0 {
		room := len(text)
		var name, value []byte
		name, text, _ = bytes.Cut(text, ampersand)
		if len(name) == 0 {
			continue
		}
		if limit--; limit < 0 {
			return encodedTooMany
		}
		if bytes.IndexByte(name, ';') >= 0 { // a separator for some, data for others: what smuggles parameters
			result = encodedMalformed
			continue
		}
		name, value, _ = bytes.Cut(name, equals)
		n, ok1 := p.unescape(name, room)
		v, ok2 := p.unescape(value, room)
		if !ok1 || !ok2 {
			result = encodedMalformed
			continue
		}
		p.list = append(p.list, pair{n, v})
	}
	return result
}

var (
	ampersand = []byte("&")
	equals    = []byte("=")
)

// unescape decodes b, a name or a value; false: an invalid escape. What has nothing to decode is not copied. room is no
// less than all that may still have to be decoded, so that decoded is allocated once.
func (p *pairs) unescape(b []byte, room int) (string, bool) {
	if bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
		return alias(b), true
	}
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
