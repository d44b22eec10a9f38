package webdav

import (
	"sync"
	"time"

	dav "golang.org/x/net/webdav"
)

// locks bounds the locks of a tree in number and time.
type locks struct {
	dav.LockSystem
	most    int
	longest time.Duration

	mu   sync.Mutex
	ends map[string]time.Time // by token; guarded by mu
}

// bounded is how long a lock lasts that was asked for; negative is for ever.
func (l *locks) bounded(d time.Duration) time.Duration {
	if d < 0 || d > l.longest {
		return l.longest
	}
	return d
}

// Create implements dav.LockSystem.
func (l *locks) Create(now time.Time, details dav.LockDetails) (token string, err error) {
	details.Duration = l.bounded(details.Duration)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ends) >= l.most {
		for token, end := range l.ends {
			if !now.Before(end) {
				delete(l.ends, token)
			}
		}
	}
	if len(l.ends) >= l.most {
		return "", dav.ErrLocked
	}
	token, err = l.LockSystem.Create(now, details)
	if err == nil {
		l.ends[token] = now.Add(details.Duration)
	}
	return token, err
}

// Refresh implements dav.LockSystem.
func (l *locks) Refresh(
	now time.Time, token string, d time.Duration,
) (dav.LockDetails, error) {
	d = l.bounded(d)
	l.mu.Lock()
	defer l.mu.Unlock()
	details, err := l.LockSystem.Refresh(now, token, d)
	if err == nil {
		l.ends[token] = now.Add(d)
	}
	return details, err
}

// Unlock implements dav.LockSystem.
func (l *locks) Unlock(now time.Time, token string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.LockSystem.Unlock(now, token)
	if err == nil {
		delete(l.ends, token)
	}
	return err
}
