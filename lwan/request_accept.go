package lwan

import "github.com/golwan/golwan/lwan/internal/message"

// Accepts chooses one of offers, media types as "text/html" without parameters, by the request's
// Accept (RFC 9110 section 12.5.1): the one of the highest weight; among equals the one that the
// client has named more precisely, then the one that it names first, then the first of offers.
// Without such a field that is the first. "" means that the client takes none of them: a server may
// answer 406, or send what it has all the same. What is malformed in the field is left out, as is
// what stands behind its first KiB. An answer that depends on it says so in Vary.
func (r *Request) Accepts(offers ...string) string {
	r.mustLive()
	return message.Accepts(r.headerView("Accept"), offers...)
}

// AcceptsEncoding chooses one of offers, content codings in lower case, by the request's
// Accept-Encoding (RFC 9110 section 12.5.3): the one of the highest weight, among equals the first
// of offers. "identity", the content as it is, is acceptable unless the client refuses it or
// everything it does not name; it is chosen where there is no such field, if it is offered, else
// the first is. "" means that the client takes none of them. Malformed parts of the field are
// ignored. An answer that depends on it says so in Vary.
func (r *Request) AcceptsEncoding(offers ...string) string {
	r.mustLive()
	return message.AcceptsCoding(r.headerView("Accept-Encoding"), offers...)
}
