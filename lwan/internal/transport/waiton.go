package transport

import "time"

// WaitOn is Task.Wait for handlers that run on goroutines; over and cause are of what ends it.
func WaitOn(
	arm func(wake func()), limit time.Duration, over <-chan struct{}, cause func() error,
) error {
	woken := make(chan struct{}, 1)
	arm(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-woken:
		return nil
	case <-late:
		return ErrPause
	case <-over:
		return cause()
	}
}
