package handlers

import (
	"net/netip"
	"sync"

	"github.com/golwan/golwan/lwan"
)

// LimitRateConfig says how many bytes of content may go out in a second. 0: as many as there are.
type LimitRateConfig struct {
	Rate    int64 // of each answer
	After   int64 // bytes of each answer that go out at full speed first
	PerAddr int64 // of all answers under way to one address: an IPv4 one, or the /64 of an IPv6 one
	Total   int64 // of all answers together
}

// LimitRate bounds how fast answers go out, files too, as lwan.WithPace does. A slow answer holds
// no loop, and one that is Blocking holds its goroutine. What is remembered of addresses is bounded
// by the requests under way.
func LimitRate(c LimitRateConfig) lwan.Middleware {
	var shared []*lwan.Bucket
	if c.Total > 0 {
		shared = append(shared, lwan.NewBucket(c.Total))
	}
	var addrs *addrBuckets
	if c.PerAddr > 0 {
		addrs = &addrBuckets{rate: c.PerAddr, of: map[netip.Prefix]*addrBucket{}}
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			pace := lwan.Pace{BytesPerSecond: c.Rate, After: c.After, Shared: shared}
			if addrs != nil {
				at := network(req.RemoteAddr().Addr())
				pace.Shared = append(shared[:len(shared):len(shared)], addrs.take(at))
				req.Defer(func() { addrs.drop(at) })
			}
			resp.SetPace(pace)
			return next(req, resp)
		}
	}
}

// network is what counts as one address.
func network(a netip.Addr) netip.Prefix {
	bits := 64
	if a = a.Unmap(); a.Is4() {
		bits = 32
	}
	// it fails for no address at all, which is one for all who have none
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// addrBuckets has a bucket for each address that is answered.
type addrBuckets struct {
	rate int64
	mu   sync.Mutex // held for a moment
	of   map[netip.Prefix]*addrBucket
}

type addrBucket struct {
	bucket   *lwan.Bucket
	requests int
}

func (b *addrBuckets) take(at netip.Prefix) *lwan.Bucket {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.of[at]
	if a == nil {
		a = &addrBucket{bucket: lwan.NewBucket(b.rate)}
		b.of[at] = a
	}
	a.requests++
	return a.bucket
}

func (b *addrBuckets) drop(at netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.of[at]; a.requests > 1 {
		a.requests--
	} else {
		delete(b.of, at)
	}
}
