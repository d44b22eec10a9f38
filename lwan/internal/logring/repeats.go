package logring

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Every is how often something that goes on is said.
const Every = time.Minute

// Repeats logs what may happen again and again: the first time at once, and from then on how often
// it has happened, once a minute, with what the last one was like. What did not happen for a minute
// is new again. Set Log, and Every if it is not to be a minute.
type Repeats struct {
	Log   *slog.Logger
	Every time.Duration // 0: a minute

	mu     sync.Mutex // held for copying only
	said   map[string]*repeat
	closed bool
}

// repeat is something that was said.
type repeat struct {
	timer *time.Timer
	level slog.Level
	msg   string
	args  []any
	times int // since it was said last
}

// Say logs to log now, or counts. Keys tell what is the same: there must not be many.
func (r *Repeats) Say(log *slog.Logger, key string, level slog.Level, msg string, args ...any) {
	if r.again(key, level, msg, args) {
		return
	}
	log.Log(context.Background(), level, msg, args...)
}

// again counts what was said already, and reports whether it was.
func (r *Repeats) again(key string, level slog.Level, msg string, args []any) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.said[key]; s != nil {
		s.level, s.msg, s.args = level, msg, args
		s.times++
		return true
	}
	if r.closed {
		return false
	}
	if r.said == nil {
		r.said = map[string]*repeat{}
	}
	every := r.Every
	if every == 0 {
		every = Every
	}
	s := &repeat{}
	r.said[key] = s
	s.timer = time.AfterFunc(every, func() { r.sum(key, s, every) })
	return false
}

// sum says how often it has happened since, and begins anew; or forgets it.
func (r *Repeats) sum(key string, s *repeat, every time.Duration) {
	r.mu.Lock()
	if r.said[key] != s { // Close was faster
		r.mu.Unlock()
		return
	}
	last := *s
	s.times, s.args = 0, nil
	if last.times == 0 {
		delete(r.said, key)
	} else {
		s.timer.Reset(every)
	}
	r.mu.Unlock()
	last.say(r.Log)
}

func (s *repeat) say(log *slog.Logger) {
	if s.times > 0 {
		log.Log(context.Background(), s.level, s.msg, append(s.args, "times", s.times)...)
	}
}

// Close says what was only counted so far. What is said later is said at once.
func (r *Repeats) Close() {
	r.mu.Lock()
	said := r.said
	r.said, r.closed = nil, true
	r.mu.Unlock()
	for _, s := range said {
		s.timer.Stop()
		s.say(r.Log)
	}
}
