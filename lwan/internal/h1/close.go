//go:build linux && !golwan_nethttp

package h1

import "github.com/golwan/golwan/lwan/internal/conn"

// hangUp closes the connection behind its last answer. If the client may still be sending, that
// must not destroy answers that it has not read yet; only a client that asked for the end is known
// not to send.
func (h *server) hangUp() conn.Verdict {
	switch {
	case h.last == handed:
		return conn.Hand
	case h.last == cut, h.last == raw, h.last == away, h.last == bare, h.Flush() != nil:
		return h.sever()
	case !h.head.KeepAlive && h.content == read && h.pos == h.end:
		return conn.Close
	}
	return conn.Linger
}

// sever ends the connection behind an answer that was given up. What is held back of it, and of
// answers before it, is written as far as the kernel takes it at once; and the client, which may
// still be sending, can read that. Only where the end of the connection is that of the answer, so
// that it would look complete, it is reset.
func (h *server) sever() conn.Verdict {
	if len(h.out) > 0 && h.lost == nil {
		_, _ = h.c.TryWrite(h.out)
	}
	h.out = h.out[:0]
	switch {
	case h.last == away:
		return conn.Close
	case h.last == raw:
		h.c.Look() // a goroutine may have used a duplicate of the descriptor
	case h.last == cut && h.frame == toEnd:
		h.c.ResetOnClose()
		return conn.Close
	}
	return conn.Linger
}

// drop closes the connection at once.
func (h *server) drop() conn.Verdict {
	h.out = h.out[:0]
	return conn.Close
}
