package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// streams is what an event stream costs whose handler waits for the next event.
func streams() Workload {
	return held("streams", "event stream whose handler waits for its next event", contract.Stream)
}

// subscribers is what a subscriber of a topic costs, to which nothing is published.
func subscribers() Workload {
	return held("subscribers", "subscriber of a topic", contract.Publish)
}

// held is memory for each of a number of connections on which the first request of a feature was
// answered, or goes on being answered.
func held(name, what string, f contract.Feature) Workload {
	return Workload{Name: name, About: "memory for each " + what + ", of 8000",
		Cases: func(o Options) []Case {
			n := o.held()
			return []Case{
				heldCase(fmt.Sprintf("%s-%d", name, n),
					fmt.Sprintf("growth of resident memory for each %s, of %d", what, n), f, n),
			}
		}}
}
