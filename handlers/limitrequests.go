package handlers

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan"
)

// LimitRequestsConfig says how often a key may ask.
type LimitRequestsConfig struct {
	Key      RequestKey    // what is counted by: the client's address
	Requests int           // that may come in Per; must be set
	Per      time.Duration // 0: a second

	// Burst is how many requests may come at once, beyond the one that the rate allows. 0: none, so
	// that a page with several parts is refused in part; be generous.
	Burst int

	// Wait is how long a request of a burst is held back at most, so that what is behind sees the
	// rate and no burst; one whose turn is farther away is refused. It is parked meanwhile. 0:
	// requests of a burst go on at once.
	Wait time.Duration

	Keys   int         // that are remembered at most; 0: 100,000, of 50 bytes each
	Status lwan.Status // of what is refused; 0: 429

	DryRun bool // refuse nobody: only log whom it would have been
}

const defaultKeys = 100_000

// LimitRequests refuses requests of a key that come more often than a rate, with Retry-After, in
// whole seconds (RFC 6585 section 4). Those that are refused do not count.
//
// The rate is kept exactly (GCRA), and so is the bound on memory: of keys beyond it some that were
// not seen for long are forgotten.
func LimitRequests(c LimitRequestsConfig) (lwan.Middleware, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	start := time.Now()
	l := &requestLimiter{
		LimitRequestsConfig: c, seed: maphash.MakeSeed(),
		arrivals: newArrivals(c.Per/time.Duration(c.Requests), c.Burst, c.Keys),
		now:      func() int64 { return int64(time.Since(start)) },
	}
	return l.middleware, nil
}

// complete puts defaults in, and says what makes no sense.
func (c *LimitRequestsConfig) complete() error {
	if c.Per == 0 {
		c.Per = time.Second
	}
	if c.Keys == 0 {
		c.Keys = defaultKeys
	}
	if c.Status == 0 {
		c.Status = lwan.StatusTooManyRequests
	}
	switch {
	case c.Requests <= 0:
		return errors.New("LimitRequestsConfig.Requests must be 1 or more")
	case c.Per < time.Duration(c.Requests):
		return fmt.Errorf("LimitRequestsConfig: %d requests in %v are more than one a nanosecond",
			c.Requests, c.Per)
	case c.Burst < 0, c.Wait < 0, c.Keys < 0:
		return errors.New("LimitRequestsConfig: Burst, Wait or Keys is negative")
	case c.Burst > 0 && c.Per/time.Duration(c.Requests) > math.MaxInt64/4/time.Duration(c.Burst):
		return errors.New("LimitRequestsConfig.Burst: it would take more than 70 years")
	case c.Status < 400 || c.Status > 599:
		return fmt.Errorf("LimitRequestsConfig.Status: %d is none of a refusal", c.Status)
	}
	return nil
}

type requestLimiter struct {
	LimitRequestsConfig
	seed     maphash.Seed
	arrivals *arrivals
	now      func() int64 // ns
}

func (l *requestLimiter) middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		key := l.Key.hash(req, l.seed)
		wait, good := l.arrivals.take(key, l.now())
		if good && l.Wait > 0 && wait > int64(l.Wait) {
			l.arrivals.giveBack(key)
			wait, good = wait-int64(l.Wait), false
		}
		switch {
		case l.DryRun:
			if !good {
				req.Log().Info("limit_requests would refuse",
					"key", l.Key.String(), "remote", req.RemoteAddr())
			}
		case !good:
			resp.SetHeader("Retry-After", strconv.FormatInt(ceilSeconds(wait), 10))
			return l.Status
		case l.Wait > 0 && wait > 0:
			if err := req.Sleep(time.Duration(wait)); err != nil {
				return resp.Fail(err)
			}
		}
		return next(req, resp)
	}
}

// ceilSeconds is how many seconds have to pass, 1 at least.
func ceilSeconds(ns int64) int64 {
	return max((ns+int64(time.Second)-1)/int64(time.Second), 1)
}
