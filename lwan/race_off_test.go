//go:build !race

package lwan

const raceDetector = false
