package main

import "fmt"

// bar is how far golwan's resident memory may grow during an attack, and why it may.
type bar struct {
	bytes int64
	why   string
}

func (b bar) String() string { return fmt.Sprintf("%.1f: %s", mib(b.bytes), b.why) }

// promised is what slowhttptest's attacks are held to, with the 4,000 connections that are the
// default.
var promised = bar{40 << 20, "promised"}

// flooded is what floods are held to: garbage may lie until the heap is twice its floor of 32 MiB.
var flooded = bar{80 << 20, "heap floor and garbage"}

// What a connection holds of golwan's memory while its client is slow, in KiB, rounded up from what
// was measured.
const (
	heldAtRest  = 1  // an entry in a table, and the bytes of an incomplete head: measured 0.3
	heldWaiting = 10 // a handler that waits, with its stack of 4 KiB, Request and Response: 8 to 9
	heldBody    = 12 // that, and room of 2 KiB for the body: 10
	// a waiting handler's, and a head of 5 KB, which the handler may still ask for: 14
	heldHead = 15
)

// spared is what loops and garbage may take besides, however few connections there are.
const spared = 8 << 20

// perConnection is the bar of n connections that hold so many KiB each.
func perConnection(n, held int) bar {
	return bar{spared + int64(n)*int64(held)<<10, fmt.Sprintf("8 MiB + %d KiB each", held)}
}

// over returns the bar of the command line, if there is one, and else b.
func (o *options) over(b bar) bar {
	if o.memory == 0 {
		return b
	}
	return bar{int64(o.memory) << 20, "-memory"}
}
