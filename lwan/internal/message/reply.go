package message

// What the fields of a reply mean for framing and connection (RFC 9112 section 6.3). A backend is
// held to what a client is: of what two readers could understand in two ways nothing is passed on.

// InterpretReply takes what the value v, in buf, of a reply's field means for the whole. reason is
// "" if that is valid. A Content-Length that says the same twice is believed.
func (h *Head) InterpretReply(known Known, v Span, buf []byte, said *Said) (reason string) {
	b := v.Of(buf)
	switch known {
	case ContentLength:
		before, length := *said&saidLength != 0, h.ContentLength
		*said &^= saidLength
		_, reason = h.contentLength(b, said)
		if reason == "" && before && h.ContentLength != length {
			reason = ReasonManyLengths
		}
	case TransferEncoding:
		_, reason = h.transferEncoding(b, said)
	case Connection:
		h.connection(b)
	}
	return reason
}

// CompleteReply is the end of a reply whose fields are all valid.
func (h *Head) CompleteReply(said Said) {
	old := said&OldVersion != 0
	h.KeepAlive = h.named&connClose == 0 && (!old || h.named&connKeepAlive != 0)
	h.Upgrade = !old && h.named&connUpgrade != 0 && h.seen>>Upgrade&1 != 0
}
