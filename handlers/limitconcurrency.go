package handlers

import (
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/golwan/golwan/lwan"
)

// LimitConcurrencyConfig says how many requests of a key may be under way.
type LimitConcurrencyConfig struct {
	Key    RequestKey  // what is counted by: the client's address
	Max    int         // requests under way at a time; must be set
	Status lwan.Status // of what is refused; 0: 503, with Retry-After
}

// LimitConcurrency refuses requests of a key that has as many under way already. A request is under
// way until the last byte of its answer has gone to the kernel; one that subscribes to a Topic
// until it has subscribed. Only keys with requests under way take memory.
func LimitConcurrency(c LimitConcurrencyConfig) (lwan.Middleware, error) {
	if c.Status == 0 {
		c.Status = lwan.StatusServiceUnavailable
	}
	switch {
	case c.Max <= 0:
		return nil, errors.New("LimitConcurrencyConfig.Max must be 1 or more")
	case c.Status < 400 || c.Status > 599:
		return nil, fmt.Errorf("LimitConcurrencyConfig.Status: %d is none of a refusal", c.Status)
	}
	l := &concurrency{key: c.Key, most: c.Max, seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].count = map[uint64]int{}
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			key := l.key.hash(req, l.seed)
			if !l.enter(key) {
				resp.SetHeader("Retry-After", "1")
				return c.Status
			}
			req.Defer(func() { l.leave(key) })
			return next(req, resp)
		}
	}, nil
}

const concurrencyShards = 32

type concurrency struct {
	key    RequestKey
	most   int
	seed   maphash.Seed
	shards [concurrencyShards]struct {
		mu    sync.Mutex
		count map[uint64]int
	}
}

func (l *concurrency) enter(key uint64) bool {
	s := &l.shards[key%concurrencyShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[key] >= l.most {
		return false
	}
	s.count[key]++
	return true
}

func (l *concurrency) leave(key uint64) {
	s := &l.shards[key%concurrencyShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[key]--; s.count[key] == 0 {
		delete(s.count, key)
	}
}
