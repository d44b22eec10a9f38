//go:build !unix

package lwan

import (
	"net"
	"os"
)

const canHandOver = false

func notifyRestart(chan<- os.Signal) {}

func inheritedFile(fd int, name string) *os.File { return os.NewFile(uintptr(fd), name) }

func duplicate(net.Listener) (*os.File, error) { return nil, errNoRestart }
