package lwan

import (
	"sync"
	"sync/atomic"
	"time"
)

// Topics makes named topics on demand, and forgets those without subscribers and events for a
// while. The zero value works.
//
// A topic without subscribers is kept for Keep, and one that has events to replay for KeepReplay: a
// client that comes back within that time, and within Topic.Replay events, misses nothing. One that
// comes later is sent Subscription.Gap.
//
// Names may come from clients. However many they make up, about Max topics are kept: a topic that
// is one too many goes if it has no subscriber, was not used for a second, and was not asked for
// longest; a topic that has events to replay stays until there are twice as many, or MaxBytes are
// kept.
type Topics struct {
	// nil: new(Topic). It may take long, and ask for other topics
	New func(name string) *Topic
	// how long a topic without subscribers is kept: 1 min; negative: for ever
	Keep time.Duration
	// and one that has events to replay: 1 h, or Keep if that is longer; negative: for ever
	KeepReplay time.Duration
	// topics beyond which those without subscribers are not kept: 10,000; negative: no bound
	Max      int
	MaxBytes int64  // of events to replay in topics without subscribers: 64 MiB; negative: no bound
	Broker   Broker // carries the topics to other processes; nil: this process only

	_ noCopy

	idle atomic.Int64 // bytes of events to replay in topics without subscribers

	mu             sync.Mutex
	topics         map[string]*brokered
	newest, oldest *brokered // by when they were asked for
	sweep          *time.Timer
}

// brokered is a topic and what ends its subscription at the broker.
//
//	asked for ──Get──▶ being made, without a lock ──make──▶ made: in use, or failed for a second
type brokered struct {
	name         string
	made         chan struct{} // closed when the fields below are set
	topic        *Topic        // nil: New has panicked
	stop         func()        // nil: there is nothing to end
	failed       time.Time     // when the broker could not be subscribed to; zero: it could
	newer, older *brokered
}

// Broker carries topics over many machines and restarts (NATS, Redis). Events that are published
// come back through deliver, in the order that all processes see, also to the process that
// published them.
//
// For clients to resume anywhere, the broker gives events IDs that all processes agree on, and
// keeps events: Subscribe delivers the newest of them, at least as many as Topic.Replay, before it
// returns, and then those that come. A process that has just been started so has what a client of
// its predecessor, or of another machine, has missed. Without that the client is sent
// Subscription.Gap. Events that the broker gives no IDs get those of the process, which no other
// one knows. A broker that has lost events delivers one with Gap, before those that come then.
type Broker interface {
	// Publish sends an event to all processes. It is called by Topic.Send and Publish where these
	// are called, on a loop perhaps, by many at the same time.
	Publish(topic string, ev Event) error
	// Subscribe begins to deliver the events of a topic, until stop is called. The first Topics.Get
	// of that topic waits for it, as do others of the same one that come meanwhile, and nothing
	// else. deliver may be called on any goroutine, by one at a time; it never waits for clients.
	Subscribe(topic string, deliver func(Event)) (stop func(), err error)
}

const (
	defaultKeep       = time.Minute
	defaultKeepReplay = time.Hour
	defaultTopics     = 10_000
	defaultIdleBytes  = 64 << 20
	// topics that one too many has looked at: what a name costs must not depend on their number
	topicLooks = 8
	// in which a handler that has asked for a topic subscribes or publishes
	topicGrace = time.Second
)

// Get returns the topic of that name. If the broker cannot be subscribed to, the topic is closed:
// subscribers get 204, and Publish returns ""; a Get that comes a second later tries again. With a
// Broker whose Subscribe takes long, Get is for Blocking handlers and Await: it waits as long for a
// name that is new.
func (t *Topics) Get(name string) *Topic {
	for {
		if topic := t.get(name); topic != nil {
			return topic
		}
	}
}

// get returns nil if somebody else could not make the topic.
func (t *Topics) get(name string) *Topic {
	t.mu.Lock()
	b, ok := t.topics[name]
	var stops []func()
	if ok && b.retry() {
		stops = t.drop(b, stops)
		ok = false
	}
	if ok {
		t.unlink(b)
	} else {
		b = &brokered{name: name, made: make(chan struct{})}
		if t.topics == nil {
			t.topics = map[string]*brokered{}
		}
		t.topics[name] = b
		t.schedule()
	}
	t.link(b)
	if b.ready() {
		b.topic.used.Store(time.Now().UnixNano())
	}
	if !ok {
		stops = t.makeRoom(stops)
	}
	t.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	if !ok {
		t.make(b)
	}
	<-b.made
	return b.topic
}

// ready reports whether the topic has been made.
func (b *brokered) ready() bool {
	select {
	case <-b.made:
		return b.topic != nil
	default:
		return false
	}
}

// retry reports whether the broker is to be asked again.
func (b *brokered) retry() bool {
	return b.ready() && !b.failed.IsZero() && time.Since(b.failed) >= topicGrace
}

// link makes b the newest.
func (t *Topics) link(b *brokered) {
	b.older, b.newer = t.newest, nil
	if t.newest != nil {
		t.newest.newer = b
	} else {
		t.oldest = b
	}
	t.newest = b
}

func (t *Topics) unlink(b *brokered) {
	if b.newer != nil {
		b.newer.older = b.older
	} else {
		t.newest = b.older
	}
	if b.older != nil {
		b.older.newer = b.newer
	} else {
		t.oldest = b.newer
	}
}

// makeRoom forgets topics if there are too many. It looks at a few of the oldest: those that have
// to stay have their turn again when all others have had theirs. What it returns is to be called
// without the lock, as with drop.
func (t *Topics) makeRoom(stops []func()) []func() {
	most, bytes := t.Max, t.MaxBytes
	if most == 0 {
		most = defaultTopics
	}
	if bytes == 0 {
		bytes = defaultIdleBytes
	}
	limit := time.Now().Add(-topicGrace).UnixNano()
	for range topicLooks {
		heavy := bytes > 0 && t.idle.Load() > bytes
		if !heavy && (most < 0 || len(t.topics) <= most) {
			break
		}
		b := t.oldest
		if !b.ready() || b.topic.Len() > 0 || b.topic.used.Load() > limit ||
			b.topic.replays() && !heavy && len(t.topics) <= 2*most {
			t.unlink(b)
			t.link(b)
			continue
		}
		stops = t.drop(b, stops)
	}
	return stops
}

// drop forgets a topic. It is not closed: a handler that holds it may still publish. Its end at the
// broker is appended to stops.
func (t *Topics) drop(b *brokered, stops []func()) []func() {
	t.unlink(b)
	delete(t.topics, b.name)
	if b.topic != nil {
		b.topic.countIdle(nil)
	}
	if b.stop != nil {
		stops = append(stops, b.stop)
	}
	return stops
}

// make makes the topic of b, without the lock: New and the broker may take long, and ask for other
// topics.
func (t *Topics) make(b *brokered) {
	made := false
	defer func() { // New or the broker may panic
		if !made {
			b.topic = nil
			t.mu.Lock()
			t.drop(b, nil)
			t.mu.Unlock()
		}
		close(b.made)
	}()
	topic := (*Topic)(nil)
	if t.New != nil {
		topic = t.New(b.name)
	}
	if topic == nil {
		topic = new(Topic)
	}
	topic.init()
	topic.countIdle(&t.idle)
	topic.used.Store(time.Now().UnixNano())
	b.topic = topic
	if t.Broker != nil {
		topic.via = func(ev Event) error { return t.Broker.Publish(b.name, ev) }
		var err error
		if b.stop, err = t.Broker.Subscribe(b.name, func(ev Event) {
			_, _ = topic.publish(ev) // who has published it has no part in that
		}); err != nil {
			b.stop, b.failed = nil, time.Now()
			topic.Close()
		}
	}
	made = true
}

func (t *Topics) keep() time.Duration { return orPause(t.Keep, defaultKeep) }

// keepFor is how long b is kept after it was used last; 0: for ever.
func (t *Topics) keepFor(b *brokered) time.Duration {
	keep, replay := t.keep(), orPause(t.KeepReplay, defaultKeepReplay)
	switch {
	case keep == 0, !b.topic.replays():
		return keep
	case replay == 0:
		return 0
	}
	return max(keep, replay)
}

// schedule looks for forgotten topics later; mu is held.
func (t *Topics) schedule() {
	if t.sweep == nil && t.keep() > 0 && len(t.topics) > 0 {
		t.sweep = time.AfterFunc(t.keep(), t.forget)
	}
}

// forget drops the topics that nobody has used for long enough.
func (t *Topics) forget() {
	t.mu.Lock()
	t.sweep = nil
	var stops []func()
	now := time.Now()
	for _, b := range t.topics {
		if !b.ready() || b.topic.Len() > 0 {
			continue
		}
		if keep := t.keepFor(b); keep > 0 && b.topic.used.Load() <= now.Add(-keep).UnixNano() {
			stops = t.drop(b, stops)
		}
	}
	t.schedule()
	t.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}
