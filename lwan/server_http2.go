package lwan

import "math"

// HTTP2Limits bounds what one connection of HTTP/2 may ask for: Server.HTTP2. Zero: the default;
// negative: none, where that is possible. What goes beyond ends the connection with GOAWAY and
// ENHANCE_YOUR_CALM (RFC 9113 section 10.5), unless another end is named.
//
// MaxHeaderBytes, MaxFields, Limits.Body and all times of Server count for HTTP/2 too: a field
// section over MaxHeaderBytes (names, values and 32 bytes for each field) or MaxFields is answered
// with 431; one that is twice as large ends the connection. MaxRequests counts streams, and
// MaxLineBytes counts for :path. On systems without epoll net/http serves: Streams, Window,
// ConnWindow and Table count there, and its own bounds do for the others.
type HTTP2Limits struct {
	// Streams is how many handlers of one connection run at a time, those of reset streams included
	// until they return, and subscriptions and the like: 128; then REFUSED_STREAM.
	Streams int
	// Window is how many bytes of one body are kept for a handler that does not read: 64 KiB; a
	// client that sends more ends its stream with FLOW_CONTROL_ERROR. Negative: 2^31-1.
	Window int
	// ConnWindow is that of all bodies of a connection together: 256 KiB, at least 65,535; beyond
	// it FLOW_CONTROL_ERROR ends the connection. Negative: 2^31-1.
	ConnWindow int
	// Resets is how many streams may end before they were answered, in 10 s, because their client
	// resets them (CVE-2023-44487) or makes the server do so (CVE-2025-8671): 256.
	Resets int
	// Control is how many frames without use may come in a second: 1000. Those are PING, SETTINGS,
	// PRIORITY, empty DATA, WINDOW_UPDATE of less than 256 bytes beyond two for each frame of
	// content that was sent, and what is not known.
	Control int
	// Continuations is how many CONTINUATION frames a field section may have (CVE-2023-45288): 16.
	Continuations int
	// Table is how many bytes of HPACK's dynamic table a client may use (RFC 7541 section 4.2):
	// 4096, at most 1 MiB; negative: none.
	Table int
}

// orDefault fills in the defaults: every field is a bound then, and Table is 0 where there is none.
func (l HTTP2Limits) orDefault() HTTP2Limits {
	count := func(n, otherwise int) int {
		switch {
		case n == 0:
			return otherwise
		case n < 0:
			return math.MaxInt32
		}
		return min(n, math.MaxInt32)
	}
	l.Streams = count(l.Streams, 128)
	l.Window = count(l.Window, 64<<10)
	l.ConnWindow = max(count(l.ConnWindow, 256<<10), 1<<16-1)
	l.Resets = count(l.Resets, 256)
	l.Control = count(l.Control, 1000)
	l.Continuations = count(l.Continuations, 16)
	if l.Table < 0 {
		l.Table = 0
	} else {
		l.Table = min(count(l.Table, 4096), 1<<20)
	}
	return l
}
