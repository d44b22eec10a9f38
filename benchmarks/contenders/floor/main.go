// Command floor is the least that a Go server can do for a request: one epoll loop on a locked
// thread that reads, counts the blank lines that end request heads, and writes a constant answer
// for each. It parses nothing, keeps no deadlines and allocates nothing after it has started, so
// its CPU time per request is the lower bound that a server in Go can be measured against. It is
// not a server for anything else: a request body would be taken for part of the next head.
//
// A read or write that cannot wait goes around the scheduler with RawSyscall; only the wait for
// events, which may sleep, goes through it.
package main

import (
	"flag"
	"log"
	"net/netip"
	"runtime"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "IPv4 address and port to listen on")
	last := flag.Bool("close", false, "close each connection after its first answer")
	loops := flag.Int("loops", 1,
		"number of loops, each with a thread and a listening socket of its own")
	flag.Parse()
	at, err := netip.ParseAddrPort(*addr)
	if err != nil {
		log.Fatal(err)
	}
	for range *loops - 1 {
		go func() { log.Fatal(serve(at, *last)) }()
	}
	log.Fatal(serve(at, *last))
}

// serve runs a loop on a thread of its own and returns only with an error.
func serve(at netip.AddrPort, last bool) error {
	runtime.LockOSThread()
	listener, err := listen(at)
	if err != nil {
		return err
	}
	l, err := newLoop(listener, last)
	if err != nil {
		return err
	}
	return l.run()
}
