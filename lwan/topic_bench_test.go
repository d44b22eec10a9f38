package lwan

import (
	"strconv"
	"testing"
)

// BenchmarkGrowth is an event for one topic in sets of more and more of them.
func BenchmarkGrowth(b *testing.B) {
	for n := 10; n <= 100_000; n *= 10 {
		b.Run("topics="+strconv.Itoa(n), func(b *testing.B) {
			set := Topics{Max: n}
			names := make([]string, n)
			for i := range names {
				names[i] = "room" + strconv.Itoa(i)
				set.Get(names[i])
			}
			for i := 0; b.Loop(); i++ {
				set.Get(names[i*7919%n]).Publish(Event{Data: "hello"})
			}
		})
	}
}
