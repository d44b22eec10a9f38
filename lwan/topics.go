package lwan

import (
	"sync"
	"time"
)

// Topics makes named topics on demand, and forgets those that nobody hears or feeds for a while. The zero value works.
type Topics struct {
	New    func(name string) *Topic // nil: new(Topic)
	Keep   time.Duration            // how long a topic without subscribers is kept: 1 min; negative: for ever
	Broker Broker                   // carries the topics to other processes; nil: this process only

	_ noCopy

	mu     sync.Mutex
	topics map[string]*brokered
	sweep  *time.Timer
}

// brokered is a topic and what ends its subscription at the broker.
type brokered struct {
	topic *Topic
	stop  func()
}

// Broker carries topics over many machines (NATS, Redis). Events that are published come back through deliver, also to
// the process that published them; the broker gives them IDs that all processes agree on if clients are to resume
// anywhere.
type Broker interface {
	Publish(topic string, ev Event) error
	Subscribe(topic string, deliver func(Event)) (stop func(), err error)
}

const defaultKeep = time.Minute

// Get returns the topic of that name. If the broker cannot be subscribed to, the topic is closed: subscribers get 204,
// and Publish returns "".
func (t *Topics) Get(name string) *Topic {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.topics[name]
	if !ok {
		b = t.make(name)
		if t.topics == nil {
			t.topics = map[string]*brokered{}
		}
		t.topics[name] = b
		t.schedule()
	}
	b.topic.used.Store(time.Now().UnixNano())
	return b.topic
}

func (t *Topics) make(name string) *brokered {
	b := &brokered{}
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

// forget drops the topics that nobody has used for long enough. They are not closed: who holds one may still publish.
func (t *Topics) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep = nil
	limit := time.Now().Add(-t.keep()).UnixNano()
	for name, b := range t.topics {
		if b.topic.Len() == 0 && b.topic.used.Load() <= limit {
			if b.stop != nil {
				b.stop()
			}
			delete(t.topics, name)
		}
	}
	t.schedule()
}
