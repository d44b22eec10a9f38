//go:build race

package wsframe

// raceDetector says that a sync.Pool forgets at random.
const raceDetector = true
