package contract

// share is how many requests of a feature are in a mix.
type share struct {
	feature Feature
	count   int
}

// mixed spreads the requests of several features evenly: at each place stands the one that is
// furthest behind its share. Each feature has one request.
func mixed(shares ...share) []Request {
	total := 0
	for _, s := range shares {
		total += s.count
	}
	requests := make([]Request, total)
	used := make([]int, len(shares))
	for at := range requests {
		best, lag := 0, 0
		for i, s := range shares {
			// What is due after this place less what was taken, in parts of total.
			if behind := s.count*(at+1) - used[i]*total; behind > lag {
				best, lag = i, behind
			}
		}
		used[best]++
		requests[at] = Requests(shares[best].feature)[0]
	}
	return requests
}
