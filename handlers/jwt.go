package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxToken is how long a token may be.
const maxToken = 16 << 10

var (
	errToken     = errors.New("the token is malformed")
	errSignature = errors.New("no key has signed the token")
)

// strict takes one text for each sequence of bytes, and nothing else (RFC 7515 section 2).
var strict = base64.RawURLEncoding.Strict()

// verifyJWT reads a token in the compact form (RFC 7515 section 3.1) whose signature is by one of
// the keys. Nothing of it is believed before that but which key to look at.
func verifyJWT(token string, keys []jwtKey) (map[string]any, error) {
	if len(token) > maxToken {
		return nil, errToken
	}
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return nil, errToken
	}
	head, payload, ok := strings.Cut(token[:end], ".")
	if !ok || strings.Contains(payload, ".") {
		return nil, errToken
	}
	header, err := object(head)
	if err != nil {
		return nil, err
	}
	signature, err := strict.DecodeString(token[end+1:])
	if err != nil {
		return nil, errToken
	}
	if _, critical := header["crit"]; critical { // extensions that must be understood: none are
		return nil, errToken
	}
	if !signed(header, keys, []byte(token[:end]), signature) {
		return nil, errSignature
	}
	return object(payload)
}

// signed reports whether one of the keys has signed the text. A key counts if it is for the
// algorithm that the header names, and for its "kid" if both have one.
func signed(header map[string]any, keys []jwtKey, text, signature []byte) bool {
	alg, _ := header["alg"].(string)
	id, named := header["kid"].(string)
	for i := range keys {
		k := &keys[i]
		if k.algorithm == alg && (!named || k.id == "" || k.id == id) && k.verify(text, signature) {
			return true
		}
	}
	return false
}

// object reads a JSON object that is encoded.
func object(coded string) (map[string]any, error) {
	text, err := strict.DecodeString(coded)
	if err != nil {
		return nil, errToken
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, errToken
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errToken
	}
	return o, nil
}

// dateOf is a claim that is a time in seconds; not ok: there is none.
func dateOf(claims map[string]any, name string) (at time.Time, ok bool, err error) {
	v, ok := claims[name]
	if !ok {
		return at, false, nil
	}
	n, _ := v.(json.Number)
	seconds, err := n.Float64()
	if err != nil || math.Abs(seconds) > 1<<40 {
		return at, false, errors.New("a time of the token is none")
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), true, nil
}

// claimText is a claim as text; not ok: it is none.
func claimText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// hasClaim reports whether a claim is want, or a list with it.
func hasClaim(v any, want string) bool {
	if list, ok := v.([]any); ok {
		for _, one := range list {
			if text, ok := claimText(one); ok && text == want {
				return true
			}
		}
		return false
	}
	text, ok := claimText(v)
	return ok && text == want
}
