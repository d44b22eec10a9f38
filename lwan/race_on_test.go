//go:build race

package lwan

// raceDetector says that all takes ten times as long.
const raceDetector = true
