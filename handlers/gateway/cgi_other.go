//go:build !unix

package gateway

import "os"

// start is for Unix: openCGI says so.
func (l *launcher) start([]string, string, []string, *os.File) (*launched, *os.File, error) {
	return nil, nil, canSpawn
}
