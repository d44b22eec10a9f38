package gateway

import "sync"

// budget limits the retries of a group to a part of its requests, and a few more, within ten
// seconds: three tries for each request would make an outage three times as heavy.
type budget struct {
	part  float64 // retries for each request
	spare float64

	mu      sync.Mutex // held for the arithmetic only
	seconds [budgetSeconds]spent
}

// spent is what there was in one second.
type spent struct {
	at                int64 // which second
	requests, retries float64
}

const budgetSeconds = 10

// at is the count of the second that now, in milliseconds, is in; mu is held.
func (b *budget) at(now int64) *spent {
	s := &b.seconds[now/1000%budgetSeconds]
	if s.at != now/1000 {
		s.at, s.requests, s.retries = now/1000, 0, 0
	}
	return s
}

// request counts one.
func (b *budget) request(now int64) {
	b.mu.Lock()
	b.at(now).requests++
	b.mu.Unlock()
}

// retry counts one and reports true, if there may be one more.
func (b *budget) retry(now int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	here := b.at(now)
	var requests, retries float64
	for i := range b.seconds {
		if s := &b.seconds[i]; s.at > now/1000-budgetSeconds {
			requests += s.requests
			retries += s.retries
		}
	}
	if retries+1 > b.part*requests+b.spare {
		return false
	}
	here.retries++
	return true
}
