package message

// IsControl says whether a field, by its name in any case, says how a message is framed or what
// becomes of its connection. Whoever writes the message writes these, and nobody else does.
func IsControl(name string) bool {
	switch KnownName(name) {
	case ContentLength, TransferEncoding, Trailer, Connection, KeepAlive, Upgrade:
		return true
	}
	return false
}
