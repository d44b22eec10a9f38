package handlers

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// seals encrypts and decrypts values of cookies: XChaCha20-Poly1305, whose nonces are long enough
// to be random, with keys that are derived from the secrets (RFC 5869).
//
//	base64url( version 1 | nonce 24 | ciphertext and tag )
type seals struct {
	keys []cipher.AEAD // the first one seals
	name []byte        // of the cookie: a value of another cookie is none of this
}

const sealVersion = 1

var errShortKey = errors.New("a key must have 32 bytes or more, as of \"openssl rand\"")

// newSeals makes keys of secrets; with none, of one that nobody knows.
func newSeals(secrets [][]byte, cookie string) (*seals, error) {
	if len(secrets) == 0 {
		secrets = [][]byte{make([]byte, 32)}
		rand.Read(secrets[0]) // never fails: it would end the process
	}
	s := &seals{name: []byte(cookie)}
	for _, secret := range secrets {
		if len(secret) < 32 {
			return nil, errShortKey
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "golwan session 1", chacha20poly1305.KeySize)
		if err != nil {
			return nil, fmt.Errorf("deriving a key: %w", err)
		}
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, aead)
	}
	return s, nil
}

// seal encrypts data.
func (s *seals) seal(data []byte) string {
	const head = 1 + chacha20poly1305.NonceSizeX
	b := make([]byte, head, head+len(data)+s.keys[0].Overhead())
	b[0] = sealVersion
	rand.Read(b[1:head])
	return base64.RawURLEncoding.EncodeToString(s.keys[0].Seal(b, b[1:head], data, s.name))
}

// open decrypts what seal has made, with any of the keys; nil: nobody here has made it.
func (s *seals) open(text string) []byte {
	const head = 1 + chacha20poly1305.NonceSizeX
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < head || b[0] != sealVersion {
		return nil
	}
	for _, key := range s.keys {
		if data, err := key.Open(nil, b[1:head], b[head:], s.name); err == nil {
			return data
		}
	}
	return nil
}

// tokenLength is how long newToken's are.
const tokenLength = 43

// newToken is what the cookie of a session in a store has: 256 random bits.
func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// storedName is the name of a session in its store, from which nobody finds the token.
func storedName(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
