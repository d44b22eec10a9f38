package gateway

import "math"

// Weighted rendezvous hashing: every member has a score for every key, and the highest wins. A
// member that goes takes only its own keys along, which spread over the others by their weights.
// With u evenly in (0, 1) for each pair of key and member, -weight/ln(u) gives each member its
// share
// (Schindelhauer and Schomaker, 2005).

// highest is the index of the member with the highest score for key.
func (r *roster) highest(ms []*member, key string, now int64) int {
	h := fnv1a(key)
	at, top := 0, math.Inf(-1)
	for i, m := range ms {
		if s := score(h^m.hash, m.share(now, r.slowStart)); s > top {
			at, top = i, s
		}
	}
	return at
}

func score(h uint64, weight float64) float64 {
	u := (float64(splitmix64(h)>>11) + 0.5) / (1 << 53) // in (0, 1), never 0 or 1
	return -weight / math.Log(u)
}

// fnv1a is FNV-1a with 64 bits.
func fnv1a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// splitmix64 mixes all bits of x into all others (Steele, Lea and Flood, 2014): FNV alone tells
// addresses that differ in their last digit hardly apart.
func splitmix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
