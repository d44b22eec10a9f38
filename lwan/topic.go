package lwan

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// SlowPolicy says what becomes of a subscriber that does not read fast enough.
type SlowPolicy int

const (
	// it loses the oldest events that it has not been sent, and gets Subscription.Gap instead
	DropOldest SlowPolicy = iota
	Disconnect            // its connection is closed; it may come back with its Last-Event-ID
)

// Causes of a subscription's end, as OnEnd gets them; others are ErrGone and ErrStopping.
var (
	ErrDropped = errors.New("lwan: the subscription was dropped") // by Topic.Drop or Topic.Close
	// Disconnect, or nothing read within Limits.Write
	ErrSlow = errors.New("lwan: the subscriber is too slow")
)

// Topic publishes events to any number of subscribers on all loops. A subscriber holds no
// goroutine, coroutine or buffer: the loops write the events' bytes, which all share, straight to
// the sockets. (Behind a Filter, and on net/http, it holds its coroutine or goroutine; all else is
// the same there.) The zero value works; fields are read at the first use. It must not be copied.
//
// A client that comes back, as EventSource does, names the last event that it has got. If the topic
// still keeps that one and all behind it, the client misses nothing; otherwise it is sent
// Subscription.Gap, and the handler can do what it does for a new one. An ID that is not known
// means Gap, too. Nothing of a topic survives the process, Restart included: generated IDs have a
// part of their own for each topic that was ever made, so that those of an earlier one are not
// taken for events of this one. If you give events IDs, never give one of them to another event
// later. To resume across a restart, and on another machine, events have to live elsewhere: see
// Broker.
type Topic struct {
	// events kept for subscribers that come back with Last-Event-ID; 0: none
	Replay int
	// bytes that a subscriber may owe before Slow says what to do, a replay not counted: 64 KiB
	Backlog   int
	Slow      SlowPolicy    // DropOldest
	Heartbeat time.Duration // pause after which a comment is sent: 15 s; negative: none
	// what clients are told to wait before they come back, first and when draining: 3 s; negative:
	// nothing
	Retry time.Duration

	_ noCopy

	once  sync.Once
	epoch string // of generated IDs
	over  atomic.Bool
	count atomic.Int64 // subscribers
	total atomic.Int64 // bytes published
	floor atomic.Int64 // total of the newest event that is not kept for replay any more
	used  atomic.Int64 // when last, for Topics: nanoseconds of the wall clock
	via   func(Event) error

	mu        sync.Mutex
	kept      history
	seq       uint64
	audiences map[any]audience
	keys      map[string]map[*subscriber]struct{}
	// sum of a Topics: bytes kept by topics without subscribers; nil: not counted
	idle      *atomic.Int64
	idleShare int64 // and what of it is this topic's
}

// audience is told of new events: the subscribers on one loop, or one on a goroutine.
type audience interface{ notify() }

const defaultBacklog = 64 << 10

func (t *Topic) init() {
	t.once.Do(func() {
		t.epoch = strconv.FormatUint(rand.Uint64()>>24, 36)
		t.kept.begin(t.Replay, t.epoch+"-0")
		t.audiences = map[any]audience{}
		t.keys = map[string]map[*subscriber]struct{}{}
		if t.Backlog <= 0 {
			t.Backlog = defaultBacklog
		}
		t.Heartbeat = orPause(t.Heartbeat, defaultHeartbeat)
		t.Retry = orPause(t.Retry, 3*time.Second)
	})
}

// Publish is Send for who has no use for its error: then the ID is "".
func (t *Topic) Publish(ev Event) (id string) {
	id, _ = t.Send(ev)
	return id
}

// ErrTopicClosed is returned by Send after Close, and where the broker of a Topics could not be
// subscribed to.
var ErrTopicClosed = errors.New("lwan: the topic is closed")

// Send publishes ev to all subscribers and returns its ID; from any goroutine, and without ever
// waiting for a slow client. An event without an ID gets one. One without Name and Data is fired,
// unless it has a Retry. An event that cannot be sent (a line break in its name or ID) is an error,
// and any event after Close.
//
// In a topic of Topics with a Broker the event goes to the broker, Send takes as long as
// Broker.Publish does, and returns its error; the ID is "" for an event without one, which the
// broker may give it. Call it from Blocking handlers or Await then.
func (t *Topic) Send(ev Event) (id string, err error) {
	t.init()
	if t.via == nil {
		return t.publish(ev)
	}
	if err := ev.check(); err != nil {
		return "", err
	}
	if err := t.via(ev); err != nil {
		return "", err
	}
	return ev.ID, nil
}

func (t *Topic) publish(ev Event) (id string, err error) {
	t.mu.Lock()
	if t.over.Load() {
		t.mu.Unlock()
		return "", ErrTopicClosed
	}
	if id, err = t.append(ev); err != nil {
		t.mu.Unlock()
		return "", err
	}
	told := t.everybody()
	t.mu.Unlock()
	for _, a := range told {
		a.notify()
	}
	return id, nil
}

// append puts an event behind the others; mu is held.
func (t *Topic) append(ev Event) (id string, err error) {
	if err := ev.check(); err != nil {
		return "", err
	}
	if ev.Gap {
		t.seq++
		w := newWire(nil)
		w.id, w.gap = t.epoch+"-"+strconv.FormatUint(t.seq, 10), true
		w.total = t.total.Load()
		t.kept.restart(w)
		t.floor.Store(w.total)
		t.accountIdle()
		if ev.isBare() && ev.ID == "" && ev.Retry == 0 {
			return w.id, nil
		}
	}
	t.seq++
	if ev.ID == "" {
		ev.ID = t.epoch + "-" + strconv.FormatUint(t.seq, 10)
	}
	// that it has an ID now makes it no other event
	b, err := ev.append(nil, !ev.isBare() || ev.Retry == 0)
	t.add(ev.ID, b)
	return ev.ID, err
}

// add puts an event to those that are kept; mu is held.
func (t *Topic) add(id string, b []byte) {
	w := newWire(b)
	w.id = id
	w.total = t.total.Add(int64(len(w.chunk)))
	t.used.Store(time.Now().UnixNano())
	t.kept.add(w)
	t.floor.Store(t.kept.oldest.total)
	t.accountIdle()
}

// everybody is all audiences; mu is held.
func (t *Topic) everybody() []audience {
	list := make([]audience, 0, 8)
	for _, a := range t.audiences {
		list = append(list, a)
	}
	return list
}

// accountIdle keeps the sum of a Topics true; mu is held.
func (t *Topic) accountIdle() {
	if t.idle == nil {
		return
	}
	share := int64(0)
	if t.count.Load() == 0 {
		share = t.kept.bytes()
	}
	t.idle.Add(share - t.idleShare)
	t.idleShare = share
}

// countIdle makes the topic a part of a sum, or takes it out with nil.
func (t *Topic) countIdle(sum *atomic.Int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idle != nil {
		t.idle.Add(-t.idleShare)
	}
	t.idle, t.idleShare = sum, 0
	t.accountIdle()
}

// LastID is the ID of the newest event; before the first, one that stands for the beginning. For a
// snapshot without a gap take it before the state is read, and subscribe with After.
func (t *Topic) LastID() string {
	t.init()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.tail.id
}

// replays reports whether events are kept for subscribers that come back.
func (t *Topic) replays() bool { return t.total.Load() > t.floor.Load() }

// Len is the number of subscribers.
func (t *Topic) Len() int { return int(t.count.Load()) }

// Drop ends the subscriptions with that key, as after a logout, and returns how many there were.
// They are sent nothing that is published later, wherever they stand: one that is behind loses what
// it has not been sent yet.
func (t *Topic) Drop(key string) int {
	t.init()
	t.mu.Lock()
	members := t.keys[key]
	hosts := make([]host, 0, len(members))
	for s := range members {
		s.dropped.Store(true)
		if s.host != nil {
			hosts = append(hosts, s.host)
		}
	}
	n := len(members)
	t.mu.Unlock()
	for _, h := range hosts {
		h.drop()
	}
	return n
}

// Close ends all subscriptions, once they have been sent what was published before; nothing can be
// published any more.
func (t *Topic) Close() {
	t.init()
	t.mu.Lock()
	t.over.Store(true)
	told := t.everybody()
	t.mu.Unlock()
	for _, a := range told {
		a.notify()
	}
}

// farewell is what a subscriber is sent at the end: when to come back.
func (t *Topic) farewell() []byte {
	if t.Retry <= 0 {
		return nil
	}
	b, _ := (&Event{Retry: t.Retry}).appendTo(nil) // has neither ID nor name to be wrong
	return b
}
