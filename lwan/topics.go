package lwan

import (
	"sync"
	"time"
)

// Topics makes named topics on demand, and forgets those that nobody hears or feeds for a while. The zero value works.
//
// Names may be those that clients send. However many they make up, about Max of the topics that come of it are kept: a
// topic that is one too many goes if it has no subscriber, was not used for a second, and was not asked for longest; one
// that has events to replay stays until there are twice as many.
type Topics struct {
	New    func(name string) *Topic // nil: new(Topic)
	Keep   time.Duration            // how long a topic without subscribers is kept: 1 min; negative: for ever
	Max    int                      // topics beyond which those without subscribers are not kept: 10,000; negative: no bound
	Broker Broker                   // carries the topics to other processes; nil: this process only

	_ noCopy

	mu             sync.Mutex
	topics         map[string]*brokered
	newest, oldest *brokered // by when they were asked for
	sweep          *time.Timer
}

// brokered is a topic and what ends its subscription at the broker.
type brokered struct {
	name         string
	topic        *Topic
	stop         func()
	newer, older *brokered
}

// Broker carries topics over many machines (NATS, Redis). Events that are published come back through deliver, also to
// the process that published them; the broker gives them IDs that all processes agree on if clients are to resume
// anywhere.
type Broker interface {
	Publish(topic string, ev Event) error
	Subscribe(topic string, deliver func(Event)) (stop func(), err error)
}

const (
	defaultKeep   = time.Minute
	defaultTopics = 10_000
	topicLooks    = 8           // topics that one too many has looked at: what a name costs must not depend on their number
	topicGrace    = time.Second // in which who has asked for a topic will subscribe or publish
)

// Get returns the topic of that name. If the broker cannot be subscribed to, the topic is closed: subscribers get 204,
// and Publish returns "".
func (t *Topics) Get(name string) *Topic {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.topics[name]
	if ok {
		t.unlink(b)
	} else {
		b = t.make(name)
		if t.topics == nil {
			t.topics = map[string]*brokered{}
		}
		t.topics[name] = b
		t.schedule()
	}
	t.link(b)
	b.topic.used.Store(time.Now().UnixNano())
	if !ok {
		t.makeRoom()
	}
	return b.topic
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

// makeRoom forgets topics if there are too many. It looks at a few of the oldest: those that have to stay have their turn
// again when all others have had theirs.
func (t *Topics) makeRoom() {
	most := t.Max
	if most == 0 {
		most = defaultTopics
	}
	limit := time.Now().Add(-topicGrace).UnixNano()
	for looks := 0; most > 0 && len(t.topics) > most && looks < topicLooks; looks++ {
		b := t.oldest
		if b.topic.Len() > 0 || b.topic.used.Load() > limit || b.topic.replays() && len(t.topics) <= 2*most {
			t.unlink(b)
			t.link(b)
			continue
		}
		t.drop(b)
	}
}

// drop forgets a topic. It is not closed: who holds it may still publish.
func (t *Topics) drop(b *brokered) {
	if b.stop != nil {
		b.stop()
	}
	t.unlink(b)
	delete(t.topics, b.name)
}

func (t *Topics) make(name string) *brokered {
	b := &brokered{name: name}
	if t.New != nil {
		b.topic = t.New(name)
	}
	if b.topic == nil {
		b.topic = new(Topic)
	}
	b.topic.init()
	if t.Broker == nil {
		return b
	}
	topic := b.topic
	topic.via = func(ev Event) error { return t.Broker.Publish(name, ev) }
	stop, err := t.Broker.Subscribe(name, func(ev Event) { topic.publish(ev) })
	if err != nil {
		topic.Close()
		return b
	}
	b.stop = stop
	return b
}

func (t *Topics) keep() time.Duration {
	if t.Keep == 0 {
		return defaultKeep
	}
	return t.Keep
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
	defer t.mu.Unlock()
	t.sweep = nil
	limit := time.Now().Add(-t.keep()).UnixNano()
	for _, b := range t.topics {
		if b.topic.Len() == 0 && b.topic.used.Load() <= limit {
			t.drop(b)
		}
	}
	t.schedule()
}
