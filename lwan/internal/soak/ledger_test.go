//go:build linux && !golwan_nethttp

package soak_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// soakLedger is what the clients have seen.
type soakLedger struct {
	mu    sync.Mutex
	asks  map[string]*[2]int64 // by kind: asked, and answered as they should be
	ends  map[string]int64     // why connections did not get all answers
	conns map[string]int64     // by kind of client

	open             atomic.Int64
	events           atomic.Int64
	flood, exhausted atomic.Int64

	// answers that are a mistake of the server's
	wrong, displaced, missing, stalled atomic.Int64
	leaks                              atomic.Int64 // what was left behind
}

func newSoakLedger() soakLedger {
	return soakLedger{
		asks: map[string]*[2]int64{}, ends: map[string]int64{}, conns: map[string]int64{},
	}
}

func (l *soakLedger) book(kind string, i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.asks[kind]
	if n == nil {
		n = new([2]int64)
		l.asks[kind] = n
	}
	n[i]++
}

func (l *soakLedger) asked(a *soakAsk)    { l.book(a.kind, 0) }
func (l *soakLedger) answered(a *soakAsk) { l.book(a.kind, 1) }

func (l *soakLedger) end(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends[why]++
}

func (l *soakLedger) connected(c *soakClient) {
	l.open.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c.kind]++
}

func (l *soakLedger) closed(*soakClient) { l.open.Add(-1) }

// mistake counts a failure by what it is.
func (l *soakLedger) mistake(err error, late bool) {
	switch {
	case late:
		l.stalled.Add(1)
	case errors.Is(err, errCut):
		l.missing.Add(1)
	case strings.HasPrefix(err.Error(), displacedAnswer):
		l.displaced.Add(1)
	default:
		l.wrong.Add(1)
	}
}

// sums are the requests of all kinds.
func (l *soakLedger) sums() (asked, answered, conns int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.asks {
		asked += n[0]
		answered += n[1]
	}
	for _, n := range l.conns {
		conns += n
	}
	return asked, answered, conns + l.flood.Load()
}

// kinds lists the requests by kind, and tells of those that were never answered.
func (l *soakLedger) kinds() (list string, never []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(l.asks)) {
		n := l.asks[kind]
		out = append(out, fmt.Sprintf("%s %d/%d", kind, n[1], n[0]))
		if n[1] == 0 {
			never = append(never, kind)
		}
	}
	return strings.Join(out, ", "), never
}

func counted[N int | int64](m map[string]N) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(out, ", ")
}

// soakLog counts the server's lines by what they say.
type soakLog struct {
	mu    sync.Mutex
	lines map[string]int64
	odd   []string // that nobody expected
}

// soakLines are the beginnings of lines, and the ends of some, that the run brings about on
// purpose, of level Warn and above.
var soakLines = []string{
	"conn: accepting is paused", "conn: connection refused: watch it",
	"a handler holds its event loop", "a handler does not come back",
	"request failed: panic: on purpose",
	"request failed: panic: runtime error: invalid memory address",
	"request failed: lwan: the handler ended by runtime.Goexit",
	"request failed: lwan: GET /bad/status returned 42",
	"request failed: lwan: the time is up", // of clients that do not read
	"request failed: lwan: response field \"X-Split\"",
	"request failed: ...cannot allocate memory",
	"request failed: ...too many open files",
}

func (g *soakLog) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}
func (g *soakLog) WithAttrs([]slog.Attr) slog.Handler { return g }
func (g *soakLog) WithGroup(string) slog.Handler      { return g }

func (g *soakLog) Handle(_ context.Context, line slog.Record) error {
	text := line.Message
	all := text
	line.Attrs(func(a slog.Attr) bool {
		all += " " + a.String()
		if a.Key == "err" || a.Key == "why" {
			text += ": " + a.Value.String()
		}
		return true
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	expected := slices.IndexFunc(soakLines, func(begin string) bool {
		begin, end, _ := strings.Cut(begin, "...")
		return strings.HasPrefix(text, begin) && strings.HasSuffix(text, end)
	})
	if expected >= 0 {
		g.lines[soakLines[expected]]++
		return nil
	}
	if len(g.odd) < 20 {
		g.odd = append(g.odd, all)
	}
	g.lines["unexpected"]++
	return nil
}
