package wsframe

import (
	"crypto/sha1"
	"encoding/base64"
)

// Version is the value of Sec-WebSocket-Version (RFC 6455 section 4.1).
const Version = "13"

// ValidKey reports whether a client may send key as Sec-WebSocket-Key: 16 bytes in base64.
func ValidKey(key string) bool {
	var b [18]byte
	if len(key) != base64.StdEncoding.EncodedLen(16) {
		return false
	}
	n, err := base64.StdEncoding.Decode(b[:], []byte(key))
	return err == nil && n == 16
}

// Accept is the value of Sec-WebSocket-Accept that answers key (RFC 6455 section 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
