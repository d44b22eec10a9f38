package lwan

import "time"

// Stats is a snapshot of a server's counters; taking it every second is cheap. Loops publish their
// counts every few turns and before they rest, so that a busy server's sums are a little behind.
type Stats struct {
	Conns struct {
		Idle       int64 // open, no request under way
		Active     int64 // a handler runs or waits, of HTTP/2 perhaps many
		Parked     int64 // handlers that wait
		Subscribed int64 // to a Topic; of HTTP/2 each subscription counts
	}
	Accepted int64 // connections, since the start
	Rejected int64 // connections closed for want of room (MaxConns, MaxConnsPerAddr, descriptors)
	GivenUp  int64 // idle connections closed to make room for new ones, when descriptors ran out
	Requests int64 // answered, or given up; subscriptions once they have ended
	BytesIn  int64
	BytesOut int64
	Status   [6]int64 // answers by class of their status; [0]: no answer could be sent
	Workers  int64    // coroutines, resting ones included
	Parks    int64    // how often a handler waited
	Turns    int64    // of the loops
	Awaiting int64    // functions of Await and Blocking that run
	Queued   int64    // and that wait for a goroutine
	Stalls   []Stall
	Secure   SecureStats
	// lines of the server's own that were lost because Server.Log was too slow for them, or failed
	LogLost int64
}

// SecureStats counts handshakes of TLS.
type SecureStats struct {
	Handshakes int64 // that were done, since the start
	Resumed    int64 // of those, by which a client's session went on
	Failed     int64 // since the start; those that the client has given up, too
	Pending    int64 // under way, or waiting for their turn
}

// Stall is a handler, or a hook, that held its loop for longer than Server.StallAfter, or in pieces
// for half of a second.
type Stall struct {
	Pattern string // the route; "": no route fits the request, or it could not be parsed
	// "handler", with its middleware; or "ErrorPage", "BeforeHead", "Filter", "Observer", "Defer",
	// "OnEnd", "hook"
	In string
	// what it waited for: "sync.Mutex", "channel", "network", "system call"; "": it computed
	Wait  string
	For   time.Duration // the longest; of one that held it in pieces, their sum in a second
	Stack []byte        // when it was found
	Count int64
	Moved bool // the route runs as Blocking now, with all of its middleware; hooks are not moved
}

// Stats takes a snapshot. All zero before the server has started.
func (s *Server) Stats() (st Stats) {
	s.life.mu.Lock()
	core, eng := s.life.core, s.life.engine
	s.life.mu.Unlock()
	if core == nil {
		return st
	}
	st.Awaiting = core.goroutine.running.Load()
	st.Queued = core.goroutine.queued.Load()
	st.LogLost = core.ring.Lost()
	if eng != nil {
		eng.stats(&st)
	}
	return st
}

// statusClass is where Stats.Status counts an answer: 1 to 5 for 1xx to 5xx, 0 if none could be
// sent.
func statusClass(st Status) int {
	if st < 100 || st > 599 || st == StatusClientGone {
		return 0
	}
	return int(st) / 100
}
