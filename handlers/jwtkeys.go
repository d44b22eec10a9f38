package handlers

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.Hash finds them
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// jwtKey is a key with the one algorithm that it is for.
type jwtKey struct {
	id        string // "": it has none
	algorithm string
	public    any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, or a secret as []byte
}

// jwtAlgorithm is one of RFC 7518 section 3.1, or EdDSA of RFC 8037.
type jwtAlgorithm struct {
	kind  string      // "kty" of its keys
	curve string      // "crv" of them
	hash  crypto.Hash // 0: the algorithm's own
	pss   bool
}

var jwtAlgorithms = map[string]jwtAlgorithm{
	"HS256": {kind: "oct", hash: crypto.SHA256},
	"HS384": {kind: "oct", hash: crypto.SHA384},
	"HS512": {kind: "oct", hash: crypto.SHA512},
	"RS256": {kind: "RSA", hash: crypto.SHA256},
	"RS384": {kind: "RSA", hash: crypto.SHA384},
	"RS512": {kind: "RSA", hash: crypto.SHA512},
	"PS256": {kind: "RSA", hash: crypto.SHA256, pss: true},
	"PS384": {kind: "RSA", hash: crypto.SHA384, pss: true},
	"PS512": {kind: "RSA", hash: crypto.SHA512, pss: true},
	"ES256": {kind: "EC", curve: "P-256", hash: crypto.SHA256},
	"ES384": {kind: "EC", curve: "P-384", hash: crypto.SHA384},
	"ES512": {kind: "EC", curve: "P-521", hash: crypto.SHA512},
	"EdDSA": {kind: "OKP", curve: "Ed25519"},
}

// verify reports whether the key has signed text.
func (k *jwtKey) verify(text, signature []byte) bool {
	alg := jwtAlgorithms[k.algorithm]
	var sum []byte
	if alg.hash != 0 && alg.kind != "oct" {
		h := alg.hash.New()
		h.Write(text)
		sum = h.Sum(nil)
	}
	switch key := k.public.(type) {
	case []byte:
		mac := hmac.New(alg.hash.New, key)
		mac.Write(text)
		return hmac.Equal(mac.Sum(nil), signature)
	case *rsa.PublicKey:
		if alg.pss {
			options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(key, alg.hash, sum, signature, options) == nil
		}
		return rsa.VerifyPKCS1v15(key, alg.hash, sum, signature) == nil
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size { // RFC 7518 section 3.4
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, sum, r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, text, signature)
	}
	return false
}

// maxKeys bounds what a token that names no key may cost.
const maxKeys = 32

// parseKeys reads a file of keys: those that are for one of the algorithms.
func parseKeys(text []byte, algorithms []string) (keys []jwtKey, err error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		keys, err = parseJWKS(trimmed, algorithms)
	} else {
		keys, err = parsePEMKeys(text, algorithms)
	}
	switch {
	case err != nil:
		return nil, err
	case len(keys) == 0:
		return nil, fmt.Errorf("there is no key for one of %v", algorithms)
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("there are %d keys, more than %d", len(keys), maxKeys)
	}
	return keys, nil
}

// jwk is a key as RFC 7517 and RFC 7518 section 6 write it. D is there in private keys alone.
type jwk struct {
	Kind  string   `json:"kty"`
	Use   string   `json:"use"`
	Ops   []string `json:"key_ops"`
	Alg   string   `json:"alg"`
	ID    string   `json:"kid"`
	Curve string   `json:"crv"`
	N     string   `json:"n"`
	E     string   `json:"e"`
	X     string   `json:"x"`
	Y     string   `json:"y"`
	K     string   `json:"k"`
	D     string   `json:"d"`
}

func parseJWKS(text []byte, algorithms []string) (keys []jwtKey, err error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	if set.Keys == nil { // one key by itself
		set.Keys = []json.RawMessage{text}
	}
	for i, one := range set.Keys {
		var k jwk
		if err := json.Unmarshal(one, &k); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		alg := chooseAlgorithm(&k, algorithms)
		if alg == "" {
			continue
		}
		public, err := k.public()
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		if err := strong(public, jwtAlgorithms[alg]); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		keys = append(keys, jwtKey{id: k.ID, algorithm: alg, public: public})
	}
	return keys, nil
}

// chooseAlgorithm is the one that a key is for; "": none of them, or not for signatures.
func chooseAlgorithm(k *jwk, algorithms []string) string {
	if k.Use != "" && k.Use != "sig" || k.Ops != nil && !slices.Contains(k.Ops, "verify") {
		return ""
	}
	for _, name := range algorithms {
		a := jwtAlgorithms[name]
		if a.kind == k.Kind && a.curve == k.Curve && (k.Alg == "" || k.Alg == name) {
			return name
		}
	}
	return ""
}

var errPrivate = errors.New("it is a private key, which whoever signs keeps for himself")

// public is the key itself.
func (k *jwk) public() (any, error) {
	if k.D != "" {
		return nil, errPrivate
	}
	var parts [4][]byte
	for i, coded := range []string{k.N, k.E, k.X, k.Y} {
		var err error
		if parts[i], err = strict.DecodeString(coded); err != nil {
			return nil, err
		}
	}
	n, e, x, y := parts[0], parts[1], parts[2], parts[3]
	switch k.Kind {
	case "oct":
		return strict.DecodeString(k.K)
	case "RSA":
		if len(e) == 0 || len(e) > 4 {
			return nil, errors.New("its exponent is none")
		}
		return &rsa.PublicKey{
			N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64()),
		}, nil
	case "EC":
		return pointOf(k.Curve, x, y)
	}
	if len(x) != ed25519.PublicKeySize {
		return nil, errors.New("it has not the length of a key")
	}
	return ed25519.PublicKey(x), nil
}

var jwtCurves = map[string]elliptic.Curve{
	"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(),
}

func pointOf(name string, x, y []byte) (*ecdsa.PublicKey, error) {
	curve := jwtCurves[name]
	size := (curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size { // RFC 7518 section 6.2.1.2
		return nil, errors.New("it has not the length of a key")
	}
	return ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
}

// parsePEMKeys reads public keys.
func parsePEMKeys(text []byte, algorithms []string) (keys []jwtKey, err error) {
	for begun := bytes.Count(text, []byte("-----BEGIN ")); ; begun-- {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			if begun > 0 { // as in a file that is being written
				return nil, errors.New("a key has no end, or is no PEM")
			}
			return keys, nil
		}
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("%q is no public key", block.Type)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		k := jwk{}
		switch p := public.(type) {
		case *rsa.PublicKey:
			k.Kind = "RSA"
		case *ecdsa.PublicKey:
			k.Kind, k.Curve = "EC", p.Curve.Params().Name
		case ed25519.PublicKey:
			k.Kind, k.Curve = "OKP", "Ed25519"
		}
		alg := chooseAlgorithm(&k, algorithms)
		if alg == "" {
			continue
		}
		if err := strong(public, jwtAlgorithms[alg]); err != nil {
			return nil, err
		}
		keys = append(keys, jwtKey{algorithm: alg, public: public})
	}
}

// strong refuses keys that can be guessed (RFC 7518 sections 3.2 and 3.3).
func strong(public any, a jwtAlgorithm) error {
	switch key := public.(type) {
	case []byte:
		if len(key) < a.hash.Size() {
			return fmt.Errorf("it is a secret of %d bytes, and must have %d", len(key),
				a.hash.Size())
		}
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 || key.E < 3 || key.E%2 == 0 {
			return fmt.Errorf("it is an RSA key of %d bits, and must have 2048", key.N.BitLen())
		}
	}
	return nil
}
