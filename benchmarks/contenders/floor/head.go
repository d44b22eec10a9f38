package main

import "bytes"

// blank ends a request head (RFC 9112, section 2.1: the field lines are followed by an empty line).
var blank = []byte("\r\n\r\n")

// head is how much of the blank line the bytes before have already shown: 0 to 3. Reads may cut it
// anywhere.
type head uint8

// count returns how many heads end in p and what of the next blank line p ends with.
func (h head) count(p []byte) (ends int, rest head) {
	for h != 0 && len(p) > 0 {
		h = h.step(p[0])
		p = p[1:]
		if h == head(len(blank)) {
			ends, h = ends+1, 0
		}
	}
	if h != 0 {
		return ends, h
	}
	for {
		i := bytes.Index(p, blank)
		if i < 0 {
			return ends, tail(p)
		}
		ends, p = ends+1, p[i+len(blank):]
	}
}

// step is the state after one more byte. After a mismatch only CR can begin the blank line anew.
func (h head) step(b byte) head {
	switch {
	case b == blank[h]:
		return h + 1
	case b == '\r':
		return 1
	}
	return 0
}

// tail is the longest end of p, up to 3 bytes, that begins a blank line.
func tail(p []byte) head {
	for n := min(len(p), len(blank)-1); n > 0; n-- {
		if bytes.HasSuffix(p, blank[:n]) {
			return head(n)
		}
	}
	return 0
}
