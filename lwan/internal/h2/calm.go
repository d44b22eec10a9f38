//go:build linux && !golwan_nethttp

package h2

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// calm counts what costs us something and is of no use to an honest client. Each window of time
// begins with its first frame.
type calm struct {
	settled      bool // the client's first SETTINGS have come
	acknowledged bool // it has acknowledged ours
	updates      int  // that may be tiny: of the windows of what it was sent
	control      int
	controlFrom  int64
	resets       int
	resetsFrom   int64
}

const (
	maxUpdates  = 1 << 16
	controlTime = int64(time.Second)
	resetsTime  = 10 * int64(time.Second)
)

// useless counts a frame without use.
func (s *session) useless() verdict {
	now := s.home.loop.Now()
	if now-s.calm.controlFrom >= controlTime {
		s.calm.control, s.calm.controlFrom = 0, now
	}
	if s.calm.control++; s.calm.control > s.p.Calm.Control {
		return s.fail(h2frame.EnhanceYourCalm, "too many frames without use")
	}
	return s.goesOn()
}

// wasted counts a stream that ends before it was answered, by its client or by an error of its.
func (s *session) wasted() verdict {
	now := s.home.loop.Now()
	if now-s.calm.resetsFrom >= resetsTime {
		s.calm.resets, s.calm.resetsFrom = 0, now
	}
	if s.calm.resets++; s.calm.resets > s.p.Calm.Resets {
		return s.fail(h2frame.EnhanceYourCalm, "too many streams that were given up")
	}
	return s.goesOn()
}
