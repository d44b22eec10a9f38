package template

import (
	"fmt"
	"strings"
)

// suggest gives the end of an error message for an unknown name: the known
// name that it was most likely meant to be, if there is one.
func suggest(name string, known []string) string {
	best, least := "", len(name)/3
	for _, k := range known {
		if strings.EqualFold(k, name) {
			best = k
			break
		}
		d := editDistance(strings.ToLower(name), strings.ToLower(k))
		if d <= least && (best == "" || d < least) {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the bytes to insert, delete, replace, or swap with their
// neighbour to turn a into b. Names too long to be a slip count as far apart.
func editDistance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before, last, now [longest + 1]int
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}
