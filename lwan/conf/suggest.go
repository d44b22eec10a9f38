package conf

import (
	"fmt"
	"slices"
	"strings"
)

// suggest says what was probably meant by a word, if one of the known ones is near: at most a
// third of the word's letters away. "" if none is.
func suggest(word string, known []string) string {
	best, least := "", max(len(word)/3, 1)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// fewNames is how many names a hint lists.
const fewNames = 12

// suggestOrList is suggest, or all known names if they are few.
func suggestOrList(word string, known []string) string {
	if hint := suggest(word, known); hint != "" || len(known) == 0 || len(known) > fewNames {
		return hint
	}
	known = slices.Sorted(slices.Values(known))
	return "there are " + strings.Join(known, ", ")
}

// distance is Damerau-Levenshtein's (optimal string alignment): insertions, deletions,
// replacements, and transpositions of neighbours. Words of more than 64 bytes are far from all.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var rows [3][longest + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
