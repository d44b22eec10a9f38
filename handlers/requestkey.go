package handlers

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// RequestKey says what requests are counted by: its text has parts with "+" between them.
//
//	remote        the client's address (Request.RemoteAddr); of IPv6 the first 64 bits
//	remote/24     the first 24 bits of an IPv4 address
//	header NAME   the field's value
//	cookie NAME   the cookie's value
//	path          the path, decoded
//	user          the user of UserKey; without one the address
//
// The zero value is "remote". A client chooses what is no address: as a key of its own it is no
// limit for who wants to get around it.
type RequestKey struct{ parts []keyPart }

type keyPart struct {
	kind string // remote, header, cookie, path or user
	name string
	bits int // of IPv4
}

// remoteKey is the zero value.
var remoteKey = []keyPart{{kind: "remote", bits: 32}}

// UnmarshalText reads a key.
func (k *RequestKey) UnmarshalText(text []byte) error {
	k.parts = nil
	for part := range strings.SplitSeq(string(text), "+") {
		p, err := parseKeyPart(strings.Fields(part))
		if err != nil {
			return err
		}
		k.parts = append(k.parts, p)
	}
	return nil
}

func parseKeyPart(words []string) (keyPart, error) {
	if len(words) == 0 {
		return keyPart{}, fmt.Errorf("a part of the key is empty")
	}
	kind, bits, hasBits := strings.Cut(words[0], "/")
	p := keyPart{kind: kind, bits: 32}
	named := kind == "header" || kind == "cookie"
	switch {
	case kind != "remote" && kind != "path" && kind != "user" && !named:
		return p, fmt.Errorf("%q is no key; there are remote, header NAME, cookie NAME, path, user",
			kind)
	case named && len(words) != 2:
		return p, fmt.Errorf("the name of the %s is missing", kind)
	case !named && len(words) != 1, hasBits && kind != "remote":
		return p, fmt.Errorf("%q is no key", strings.Join(words, " "))
	case named:
		p.name = words[1]
	case hasBits:
		n, err := strconv.ParseUint(bits, 10, 8)
		if err != nil || n < 1 || n > 32 {
			return p, fmt.Errorf("%q: an IPv4 address has 1 to 32 bits", words[0])
		}
		p.bits = int(n)
	}
	return p, nil
}

// String is the key as it is written.
func (k RequestKey) String() string {
	var list []string
	for _, p := range k.all() {
		s := p.kind
		switch {
		case p.name != "":
			s += " " + p.name
		case p.kind == "remote" && p.bits < 32:
			s += "/" + strconv.Itoa(p.bits)
		}
		list = append(list, s)
	}
	return strings.Join(list, " + ")
}

// ByUser reports whether the user is a part of it, who is known only after authentication.
func (k RequestKey) ByUser() bool {
	for _, p := range k.parts {
		if p.kind == "user" {
			return true
		}
	}
	return false
}

func (k RequestKey) all() []keyPart {
	if len(k.parts) == 0 {
		return remoteKey
	}
	return k.parts
}

// hash is the key of a request, as a number that nobody can foresee who does not know the seed. Two
// keys of a million have the same one in one of 30 million processes.
func (k RequestKey) hash(req *lwan.Request, seed maphash.Seed) (sum uint64) {
	req.Borrow(func() {
		var h maphash.Hash
		h.SetSeed(seed)
		for _, p := range k.all() {
			p.write(req, &h)
			_ = h.WriteByte(0) // it never fails; no value has a NUL
		}
		sum = h.Sum64()
	})
	return sum
}

// write hashes a request's part of the key. A hash never fails.
func (p *keyPart) write(req *lwan.Request, h *maphash.Hash) {
	switch p.kind {
	case "header":
		_, _ = h.Write(req.HeaderBytes(p.name))
	case "cookie":
		v, _ := req.CookieBytes(p.name)
		_, _ = h.Write(v)
	case "path":
		_, _ = h.Write(req.PathBytes())
	case "user":
		if user, ok := UserKey.Get(req); ok {
			_, _ = h.WriteString("user ")
			_, _ = h.WriteString(user)
			return
		}
		writeAddr(h, req.RemoteAddr().Addr(), p.bits)
	default:
		writeAddr(h, req.RemoteAddr().Addr(), p.bits)
	}
}

// v6Bits is what one customer has of an IPv6 address.
const v6Bits = 64

// writeAddr hashes the first bits of an address.
func writeAddr(h *maphash.Hash, a netip.Addr, v4Bits int) {
	a = a.Unmap()
	bits := v6Bits
	if a.Is4() {
		bits = v4Bits
	}
	p, err := a.Prefix(bits)
	if err != nil { // there is no address: all of them are one
		return
	}
	b := p.Addr().As16()
	_, _ = h.Write(b[:]) // a hash never fails
}
