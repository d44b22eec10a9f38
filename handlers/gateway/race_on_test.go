//go:build race

package gateway

// underRace: some tests do less under the race detector.
const underRace = true
