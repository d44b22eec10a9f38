package lwan

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
)

// SlowPolicy says what becomes of a subscriber that does not read fast enough.
type SlowPolicy int

const (
	DropOldest SlowPolicy = iota // it loses the oldest events that it has not been sent
	Disconnect                   // its connection is closed; it may come back with its Last-Event-ID
)

// Causes of a subscription's end, as OnEnd gets them; others are ErrGone and ErrStopping.
var (
	ErrDropped = errors.New("lwan: the subscription was dropped") // by Topic.Drop or Topic.Close
	ErrSlow    = errors.New("lwan: the subscriber is too slow")   // Disconnect, or nothing read within Limits.Write
)

// Topic publishes events to any number of subscribers on all loops. A subscriber holds no goroutine, coroutine or buffer:
// the loops write the events' bytes, which all share, straight to the sockets. The zero value works; fields are read at
// the first use. It must not be copied.
type Topic struct {
	Replay    int           // events kept for subscribers that come back with Last-Event-ID; 0: none
	Backlog   int           // bytes that a subscriber may owe before Slow says what to do: 64 KiB
	Slow      SlowPolicy    // DropOldest
	Heartbeat time.Duration // pause after which a comment is sent: 15 s; negative: none
	Retry     time.Duration // what clients are told to wait before they come back, first and when draining: 3 s; negative: nothing

	_ noCopy

	once      sync.Once
	mu        sync.Mutex
	tail      *wire // the newest; a sentinel before the first
	oldest    *wire // the one before the oldest that is kept for replay
	kept      int
	seq       uint64
	over      atomic.Bool // closed
	audiences map[any]audience
	keys      map[string]map[member]struct{}
	count     atomic.Int64
	total     atomic.Int64 // bytes published
	used      atomic.Int64 // when last, for Topics: nanoseconds of the wall clock
	via       func(Event) error
}

// wire is an event as it goes out: made once, never changed, shared by all. Subscribers hold the last one that they were
// sent, and go on from there by next; one that nobody holds any more is left to the collector.
type wire struct {
	id       string
	chunk    []byte // for HTTP/1.1: a chunk of the chunked coding
	from, to int    // the event itself in chunk
	total    int64  // bytes published with this one
	next     atomic.Pointer[wire]
}

func newWire(event []byte) *wire {
	w := &wire{chunk: http1.AppendChunkHead(make([]byte, 0, len(event)+12), len(event))}
	w.from = len(w.chunk)
	w.chunk = append(append(w.chunk, event...), "\r\n"...)
	w.to = len(w.chunk) - 2
	return w
}

// bytes is the event for a client that understands the chunked coding, or does not.
func (w *wire) bytes(chunked bool) []byte {
	if chunked {
		return w.chunk
	}
	return w.chunk[w.from:w.to]
}

// audience is told of new events: the subscribers on one loop, or one on a goroutine.
type audience interface{ notify() }

// member is a subscriber that can be told to leave, from any goroutine.
type member interface{ drop(cause error) }

func (t *Topic) init() {
	t.once.Do(func() {
		t.tail = new(wire)
		t.oldest = t.tail
		t.audiences = map[any]audience{}
		t.keys = map[string]map[member]struct{}{}
		if t.Backlog <= 0 {
			t.Backlog = 64 << 10
		}
		t.Heartbeat = orPause(t.Heartbeat, defaultHeartbeat)
		t.Retry = orPause(t.Retry, 3*time.Second)
	})
}

// Publish sends ev to all subscribers and returns its ID; from any goroutine, and without ever waiting for a slow client.
// An event without an ID gets the next number. One without Name and Data is fired, unless it has a Retry. An event that cannot be sent (a line break in its name or ID), and any
// event after Close, is not published: "".
func (t *Topic) Publish(ev Event) (id string) {
	t.init()
	if t.via != nil {
		if t.via(ev) != nil {
			return ""
		}
		return ev.ID
	}
	return t.publish(ev)
}

func (t *Topic) publish(ev Event) (id string) {
	t.mu.Lock()
	if t.over.Load() {
		t.mu.Unlock()
		return ""
	}
	if ev.ID == "" {
		ev.ID = strconv.FormatUint(t.seq+1, 10)
	}
	b, err := ev.append(nil, !ev.isBare() || ev.Retry == 0) // that it has an ID now makes it no other event
	if err != nil {
		t.mu.Unlock()
		return ""
	}
	t.seq++
	t.append(ev.ID, b)
	told := make([]audience, 0, 8)
	for _, a := range t.audiences {
		told = append(told, a)
	}
	t.mu.Unlock()
	for _, a := range told {
		a.notify()
	}
	return ev.ID
}

// append adds an event to the list; mu is held.
func (t *Topic) append(id string, b []byte) {
	w := newWire(b)
	w.id = id
	w.total = t.total.Add(int64(len(w.chunk)))
	t.used.Store(time.Now().UnixNano())
	t.tail.next.Store(w)
	t.tail = w
	if t.kept++; t.kept > max(t.Replay, 0) {
		t.oldest = t.oldest.next.Load()
		t.kept--
	}
}

// LastID is the ID of the newest event; "" before the first. For a snapshot without a gap take it before the state is
// read, and subscribe with After.
func (t *Topic) LastID() string {
	t.init()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tail.id
}

// replays reports whether there are events kept for who comes back.
func (t *Topic) replays() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept > 0
}

// Len is the number of subscribers.
func (t *Topic) Len() int { return int(t.count.Load()) }

// Drop ends the subscriptions with that key, as after a logout, and returns how many there were.
func (t *Topic) Drop(key string) int {
	t.init()
	t.mu.Lock()
	members := t.keys[key]
	list := make([]member, 0, len(members))
	for m := range members {
		list = append(list, m)
	}
	t.mu.Unlock()
	for _, m := range list {
		m.drop(ErrDropped)
	}
	return len(list)
}

// Close ends all subscriptions; nothing can be published any more.
func (t *Topic) Close() {
	t.init()
	t.mu.Lock()
	t.over.Store(true)
	told := make([]audience, 0, len(t.audiences))
	for _, a := range t.audiences {
		told = append(told, a)
	}
	t.mu.Unlock()
	for _, a := range told {
		a.notify()
	}
}

// Subscription is how a client takes part in a topic.
//
// For a snapshot without a gap: after := topic.LastID(); read the state; Subscribe with After: after and First: the state.
type Subscription struct {
	After string            // send what came after the event with this ID; "": the request's Last-Event-ID, if it has one
	First []Event           // sent first, to this subscriber alone
	Gap   []Event           // sent when the event of After is not kept any more: the client has missed something
	Key   string            // for Topic.Drop
	OnEnd func(cause error) // called once the subscription has ended, on a loop: it must not block
}

// subscriber is the state of a subscription, wherever it is served.
type subscriber struct {
	topic   *Topic
	at      *wire  // the last one that was sent, or is being sent
	part    []byte // what is not sent yet of it
	chunked bool
	quiet   bool // nothing was sent since the last heartbeat
	key     string
	onEnd   func(cause error)
}

// join finds where the subscriber begins, and what it is sent before.
func (t *Topic) join(req *Request, s Subscription, sub *subscriber) (first []Event) {
	after := s.After
	if after == "" {
		after = req.Header("Last-Event-ID")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	sub.topic, sub.key, sub.onEnd = t, s.Key, s.OnEnd
	at, found := t.find(after)
	sub.at = at
	if t.Retry > 0 {
		first = append(first, Event{Retry: t.Retry})
	}
	if !found {
		first = append(first, s.Gap...)
	}
	t.count.Add(1)
	return append(first, s.First...)
}

// find returns the event with that ID, to go on behind it. One that is not kept any more, or was never published, is not
// found: then the newest is. mu is held.
func (t *Topic) find(id string) (*wire, bool) {
	if id == "" || id == t.tail.id {
		return t.tail, true
	}
	for w := t.oldest; w != nil; w = w.next.Load() {
		if w.id == id {
			return w, true
		}
	}
	return t.tail, false
}

// register makes m known by its key.
func (t *Topic) register(key string, m member) {
	if key == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys[key] == nil {
		t.keys[key] = map[member]struct{}{}
	}
	t.keys[key][m] = struct{}{}
}

// leave forgets m, and tells who asked to be told.
func (s *subscriber) leave(m member, cause error) {
	t := s.topic
	if s.key != "" {
		t.mu.Lock()
		delete(t.keys[s.key], m)
		if len(t.keys[s.key]) == 0 {
			delete(t.keys, s.key)
		}
		t.mu.Unlock()
	}
	t.count.Add(-1)
	t.used.Store(time.Now().UnixNano())
	if s.onEnd != nil {
		s.onEnd(cause)
	}
}

// owed is how many bytes the subscriber has not been sent.
func (s *subscriber) owed() int64 {
	return s.topic.total.Load() - s.at.total + int64(len(s.part))
}

// skip forgets the oldest events, but for the one that is on its way, until the backlog fits again.
func (s *subscriber) skip() {
	for s.owed() > int64(s.topic.Backlog) {
		next := s.at.next.Load()
		if next == nil {
			return
		}
		s.at = next
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

var heartbeatWire = newWire([]byte(":\n\n"))
