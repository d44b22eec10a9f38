//go:build linux

package lwan

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// Cases 9, 10, 12 and 13 of the suite in websocketcases_test.go: large messages, many messages, and
// compressed ones. Where it sends a thousand messages a case, here are fewer: what differs between
// them is their sizes.

// TestWebSocketLimits is 9 and 10.
func TestWebSocketLimits(t *testing.T) {
	t.Parallel()
	var cases []wsCase
	add := func(id string, do func(w *wsClient)) { cases = append(cases, wsCase{id, do}) }
	const kib = 1 << 10
	sizes := []int{64 * kib, 256 * kib, 1024 * kib, 4096 * kib, 16384 * kib}
	if testing.Short() || raceDetector {
		sizes = sizes[:3]
	}
	for kind, first := range map[int]byte{1: textFrame, 2: binaryFrame} {
		for i, size := range sizes { // whole
			add(fmt.Sprintf("9.%d.%d", kind, i+1), func(w *wsClient) {
				echoed(w, first, size, size,
					0)
			})
		}
		for i := range 7 { // in fragments
			size, fragment := 512*kib, 64<<(2*i)
			if testing.Short() || raceDetector {
				size = 64 * kib
			}
			add(fmt.Sprintf("9.%d.%d", kind+2, i+1), func(w *wsClient) {
				echoed(w, first, size,
					fragment, 0)
			})
		}
		for i := range 6 { // chopped
			add(fmt.Sprintf("9.%d.%d", kind+4, i+1), func(w *wsClient) {
				echoed(w, first, 256*kib,
					256*kib, 64<<i)
			})
		}
		for i, size := range []int{0, 16, 64, 256, 1024, 4096} { // one after the other
			add(fmt.Sprintf("9.%d.%d", kind+6, i+1), func(w *wsClient) {
				for range 100 {
					w.frame(first, fill(size))
					w.want(first, fill(size))
				}
				w.closeNormally()
			})
		}
	}
	add("10.1.1", func(w *wsClient) { echoed(w, textFrame, 65536, 1300, 0) })
	runCases(t, &WebSocketConfig{MaxMessage: 16 << 20}, "", cases)
}

// echoed sends a message in fragments, chopped into writes if that is not 0, and reads it again.
func echoed(w *wsClient, first byte, size, fragment, chop int) {
	w.t.Helper()
	message := fill(size)
	sent := make(chan struct{})
	go func() { // the echo may begin before all was sent, and buffers are finite
		defer close(sent)
		op := first &^ 0x80
		for left := size; ; {
			n := min(fragment, left)
			if left -= n; left == 0 {
				op |= 0x80
			}
			frame := frameOf(op, message[:n])
			for len(frame) > 0 {
				k := len(frame)
				if chop > 0 {
					k = min(chop, k)
				}
				if _, err := w.c.Write([]byte(frame[:k])); err != nil {
					return
				}
				frame = frame[k:]
			}
			if op = 0; left == 0 {
				return
			}
		}
	}()
	w.want(first, message)
	<-sent
	w.closeNormally()
}

// TestWebSocketDeflate is 12 and 13: messages of all sizes and kinds, whole and in fragments,
// compressed by the client in each way that it may offer.
func TestWebSocketDeflate(t *testing.T) {
	t.Parallel()
	for group, offer := range []string{
		"permessage-deflate",
		"permessage-deflate; client_no_context_takeover; client_max_window_bits",
		"permessage-deflate; client_max_window_bits=9",
		"permessage-deflate; client_max_window_bits=15",
		"permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
		"permessage-deflate; server_max_window_bits=15",
		"permessage-deflate; server_max_window_bits=16, permessage-deflate; " +
			"server_max_window_bits=12",
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
	} {
		var cases []wsCase
		sizes := []int{0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072}
		switch {
		case group > 0 && testing.Short():
			sizes = []int{16, 65536}
		case group > 0:
			sizes = []int{16, 1024, 65536}
		case testing.Short():
			sizes = []int{0, 16, 256, 4096, 65536}
		}
		for kind, content := range []func(n int) string{recordsOf, noiseOf, zerosOf} {
			for i, size := range sizes {
				for _, fragment := range []int{0, 256, 4096} {
					if fragment > 0 && (fragment >= size || size > 16384) {
						continue
					}
					id := fmt.Sprintf("12.%d.%d.%d.%d", group+1, kind+1, i+1, fragment)
					cases = append(cases, wsCase{id, func(w *wsClient) {
						for range 2 {
							compressed(w, content(size), fragment)
						}
						w.closeNormally()
					}})
				}
			}
		}
		t.Run(fmt.Sprint("13.", group+1), func(t *testing.T) {
			t.Logf("%d cases", len(cases))
			runCases(t, &WebSocketConfig{Compress: true}, "Sec-WebSocket-Extensions: "+offer+"\r\n",
				cases)
		})
	}
}

func recordsOf(n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id": %d, "text": "the same again", "at": %d},`, rand.IntN(1000), b.Len())
	}
	return b.String()[:n]
}

func noiseOf(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return string(b)
}

func zerosOf(n int) string { return strings.Repeat("\x00", n) }

// compressed sends a message compressed, in fragments of that size unless it is 0, and reads it
// again.
func compressed(w *wsClient, message string, fragment int) {
	w.t.Helper()
	if !w.deflate {
		w.t.Fatal("no compression was agreed on")
	}
	data := deflatedBy(w.t, message)
	first := byte(2 | 0x40)
	if fragment == 0 {
		fragment = len(data)
	}
	var frames strings.Builder
	for {
		n := min(fragment, len(data))
		if n == len(data) {
			first |= 0x80
		}
		frames.WriteString(frameOf(first, data[:n]))
		if data = data[n:]; len(data) == 0 {
			break
		}
		first = 0
	}
	go w.c.Write([]byte(frames.String()))
	w.want(binaryFrame, message)
}

// deflatedBy compresses a message with another library than the server has.
func deflatedBy(t testing.TB, message string) string {
	t.Helper()
	var b bytes.Buffer
	f, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(f, message)
	f.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}
