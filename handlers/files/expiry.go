package files

import (
	"net/http"
	"sync/atomic"
	"time"
)

// expiry makes values of Expires: a time that lies as far ahead of every answer. It is rendered
// once a second.
type expiry struct {
	after time.Duration
	last  atomic.Pointer[expiryText]
}

type expiryText struct {
	second int64
	text   string
}

func (e *expiry) text() string {
	now := time.Now()
	if t := e.last.Load(); t != nil && t.second == now.Unix() {
		return t.text
	}
	t := &expiryText{now.Unix(), now.Add(e.after).UTC().Format(http.TimeFormat)}
	e.last.Store(t)
	return t.text
}
