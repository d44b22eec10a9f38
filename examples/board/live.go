package main

import (
	"strconv"
	"sync"

	"github.com/golwan/golwan/lwan"
)

// live tells pages what has changed. Events have the numbers of the database, so a page that comes
// back after a restart of the server, too, gets what it has missed from there.
type live struct {
	topic lwan.Topic

	mu sync.Mutex // held while a change is stored and published: the order is the same in both
}

// change stores a change of e, and tells all pages.
func (l *live) change(e *Entry, store func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := store(); err != nil {
		return err
	}
	ev, err := entryEvent(*e)
	if err != nil {
		return err
	}
	l.topic.Publish(ev)
	return nil
}

// entryEvent has the HTML of an entry, as the page has it.
func entryEvent(e Entry) (lwan.Event, error) {
	ev, err := lwan.RenderEvent("entry", entryView.With(e))
	ev.ID = strconv.FormatInt(e.Event, 10)
	return ev, err
}

// events sends what a page has missed, and then what happens. The page says in after what it was
// made of, and when it comes back the browser says in Last-Event-ID what came last.
func (b *board) events(req *lwan.Request, resp *lwan.Response) lwan.Status {
	seen, err := strconv.ParseInt(req.Header("Last-Event-ID"), 10, 64)
	if err != nil {
		if seen, err = lwan.QueryOr[int64](req, "after", 0); err != nil {
			return resp.Fail(err)
		}
	}
	b.live.mu.Lock()
	defer b.live.mu.Unlock()
	entries, err := b.store.since(req.Context(), seen)
	if err != nil {
		return resp.Fail(err)
	}
	var missed []lwan.Event
	for _, e := range entries {
		ev, err := entryEvent(e)
		if err != nil {
			return resp.Fail(err)
		}
		missed = append(missed, ev)
	}
	return b.live.topic.Subscribe(resp, lwan.Subscription{
		After: b.live.topic.LastID(), First: missed,
	})
}
