package main

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/golwan/golwan/lwan"
)

// live tells pages what has changed. Events have the numbers of the database, so a page that comes
// back after a restart of the server, too, gets what it has missed from there.
type live struct {
	topic lwan.Topic

	mu sync.Mutex // held while an event is stored and published: the order is the same in both
}

// change stores a change of e, and tells all pages.
func (l *live) change(b *board, e *Entry, store func() (event int64, err error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	event, err := store()
	if err != nil {
		return err
	}
	ev, err := entryEvent(event, *e)
	if err == nil {
		l.topic.Publish(ev)
	}
	return err
}

// entryEvent has the HTML of an entry, as the page has it.
func entryEvent(id int64, e Entry) (ev lwan.Event, err error) {
	var html strings.Builder
	if err := entryView.Render(&html, e); err != nil {
		return ev, err
	}
	return lwan.Event{ID: strconv.FormatInt(id, 10), Name: "entry", Data: html.String()}, nil
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
	missed, err := b.missed(req.Context(), seen)
	if err != nil {
		return resp.Fail(err)
	}
	return b.live.topic.Subscribe(resp, lwan.Subscription{
		After: b.live.topic.LastID(), First: missed,
	})
}

func (b *board) missed(ctx context.Context, seen int64) (list []lwan.Event, err error) {
	entries, events, err := b.store.since(ctx, seen)
	for i := range entries {
		e, err := b.store.entry(ctx, entries[i])
		if err != nil {
			return nil, err
		}
		ev, err := entryEvent(events[i], e)
		if err != nil {
			return nil, err
		}
		list = append(list, ev)
	}
	return list, err
}
