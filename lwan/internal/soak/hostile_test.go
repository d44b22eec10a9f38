//go:build linux && !golwan_nethttp

package soak_test

import (
	"math/rand/v2"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/faults"
)

// flood opens more connections than the server may have, says a little on some of them, and closes
// them all.
func (s *soak) flood(r *rand.Rand) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for range soakConns + r.IntN(soakConns/2) {
		addr := s.addrs[r.IntN(2)]
		c, err := net.DialTimeout(addr.Network(), addr.String(), soakPatience)
		if err != nil {
			s.ledger.end("flood, not connected: " + rootCause(err))
			break
		}
		open = append(open, c)
		s.ledger.flood.Add(1)
		if r.IntN(3) == 0 {
			wire := makeAsk(r, true).wire
			_, _ = c.Write(wire[:r.IntN(len(wire)+1)]) // it may have been closed already
		}
	}
	s.rest(time.Duration(r.IntN(300)) * time.Millisecond)
}

// exhaust takes all descriptors that the process may have, for a moment.
func (s *soak) exhaust(r *rand.Rand) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		s.fail("getrlimit: %v", err)
		return
	}
	s.shortages.Add(1) // odd: there is one
	defer s.shortages.Add(1)
	defer s.rest(20 * soakMoment) // for what remembers the errors
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		s.fail("%v", err)
		return
	}
	low := unix.Rlimit{Cur: uint64(len(list) + r.IntN(20)), Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		s.fail("setrlimit: %v", err)
		return
	}
	var taken []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	s.rest(time.Duration(50+r.IntN(300)) * time.Millisecond)
	for _, fd := range taken {
		_ = unix.Close(fd)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		s.fail("setrlimit: %v", err)
	}
	s.ledger.exhausted.Add(1)
}

// rest waits, but not longer than the run lasts.
func (s *soak) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.over:
	}
}

// soakWeather is how badly the kernel does its work at times.
var soakWeather = []faults.Rates{
	{},
	{
		Again: 40, Interrupt: 60, Short: 15, Break: 5000, Abort: 40, Exhaust: 500, Full: 500,
		Register: 2000, Poll: 30, Close: 30, Shutdown: 2000,
	},
	{
		Again: 8, Interrupt: 12, Short: 4, Break: 400, Abort: 10, Exhaust: 100, Full: 100,
		Register: 200, Poll: 6, Close: 6, Shutdown: 100,
	},
}

// weather changes every second or so.
func (s *soak) weather(r *rand.Rand) {
	s.faults.SetRates(soakWeather[r.IntN(len(soakWeather))])
	s.rest(time.Duration(200+r.IntN(1000)) * time.Millisecond)
}
