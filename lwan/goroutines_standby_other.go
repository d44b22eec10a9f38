//go:build !linux

package lwan

import (
	"sync/atomic"
	"time"
)

// standby does not exist here.
type standby struct {
	fn     func()
	since  time.Time
	called atomic.Bool
}

func newStandby() *standby { return nil }
func (s *standby) wait()   {}
func (s *standby) wake()   {}
func (s *standby) close()  {}
