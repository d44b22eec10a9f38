//go:build !race

package wsframe

const raceDetector = false
