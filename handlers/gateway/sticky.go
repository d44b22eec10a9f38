package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// mark is what a sticky group's cookie holds for the member of that address: nobody without the key
// can make one, and it tells nothing of the address.
func mark(key []byte, address string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(address))
	return hex.EncodeToString(h.Sum(nil)[:8])
}
