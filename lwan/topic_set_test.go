package lwan

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowBroker is a Broker whose every call waits until it is let go.
type slowBroker struct {
	begun chan string // names that are subscribed to
	let   chan error
	ended chan string
}

func (b *slowBroker) Publish(string, Event) error { return nil }

func (b *slowBroker) Subscribe(topic string, deliver func(Event)) (func(), error) {
	b.begun <- topic
	deliver(Event{ID: "kept", Data: topic})
	err := <-b.let
	return func() { b.ended <- topic; <-b.let }, err
}

// TestGetWaitsForNobodyElse: while the broker was subscribed to, or left, for one topic, all others
// were locked.
func TestGetWaitsForNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowBroker{
			begun: make(chan string), let: make(chan error), ended: make(chan string),
		}
		topics := &Topics{
			Broker: slow, Keep: time.Second, New: func(string) *Topic { return &Topic{} },
		}
		got := make(chan *Topic, 3)
		get := func(name string) { got <- topics.Get(name) }
		go get("a")
		<-slow.begun
		go get("a") // waits for the same
		go get("b")
		<-slow.begun // of b: the first one still waits
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("Get returned a topic before its broker was subscribed to")
		}
		slow.let <- nil
		slow.let <- nil
		a, b, c := <-got, <-got, <-got
		if a == b && b == c || a != b && b != c && a != c {
			t.Error("two of the three are the same topic")
		}
		if id := topics.Get("a").LastID(); id != "kept" {
			t.Errorf("what Subscribe delivered is not there: %q", id)
		}
		<-slow.ended // it waits, and b's waits for its turn
		topics.mu.Lock()
		if n := len(topics.topics); n != 0 {
			t.Errorf("%d topics left", n)
		}
		topics.mu.Unlock()
		go get("c") // and is not locked
		<-slow.begun
		slow.let <- nil
		slow.let <- nil
		<-slow.ended
		slow.let <- nil
		<-got
		time.Sleep(3 * time.Second)
		<-slow.ended
		slow.let <- nil
	})
}

// TestTopicsAskForOthers: New may ask for another topic.
func TestTopicsAskForOthers(t *testing.T) {
	topics := &Topics{Keep: -1}
	topics.New = func(name string) *Topic {
		if parent, _, ok := strings.Cut(name, "/"); ok {
			topics.Get(parent)
		}
		return &Topic{}
	}
	topics.Get("a/b")
	if len(topics.topics) != 2 {
		t.Errorf("%d topics", len(topics.topics))
	}
}

// brokenBroker fails, or panics, until it is mended.
type brokenBroker struct {
	Broker
	err   error
	value any
}

func (b *brokenBroker) Subscribe(string, func(Event)) (func(), error) {
	if b.value != nil {
		panic(b.value)
	}
	return func() {}, b.err
}

func (b *brokenBroker) Publish(string, Event) error { return b.err }

// TestBrokenBroker: a topic that could not be subscribed to was closed for as long as it was asked
// for.
func TestBrokenBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := &brokenBroker{value: "broken"}
		topics := &Topics{Broker: broker, Keep: -1}
		func() {
			defer func() {
				if v := recover(); v != "broken" {
					t.Errorf("Get panicked with %v", v)
				}
			}()
			topics.Get("a")
		}()
		broker.value, broker.err = nil, errors.New("no connection")
		failed := topics.Get("a")
		if failed.Publish(Event{Data: "x"}) != "" || !failed.over.Load() ||
			topics.Get("a") != failed {
			t.Error("it is not closed, or asked for again at once")
		}
		broker.err = nil
		time.Sleep(topicGrace)
		if topic := topics.Get("a"); topic == failed || topic.over.Load() {
			t.Error("the broker was not asked again")
		}
		checkTopics(t, topics)
	})
}

// TestTopicsKeepWhatCanBeReplayed: after a minute without subscribers a topic was forgotten with
// its events, and its clients came back to one that knew nothing of them.
func TestTopicsKeepWhatCanBeReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &Topics{New: func(name string) *Topic {
			if name == "no replay" {
				return &Topic{}
			}
			return &Topic{Replay: 10}
		}}
		replay, _, none := topics.Get("replay"), topics.Get("empty"), topics.Get("no replay")
		replay.Publish(Event{Data: "x"})
		none.Publish(Event{Data: "x"})
		time.Sleep(59 * time.Minute)
		synctest.Wait() // a timer may be due just now
		if topics.topics["empty"] != nil || topics.topics["no replay"] != nil {
			t.Error("topics of no use are still there")
		}
		if topics.Get("replay") != replay {
			t.Error("a topic with events was forgotten")
		}
		time.Sleep(defaultKeepReplay + 2*defaultKeep)
		synctest.Wait()
		if len(topics.topics) != 0 || topics.idle.Load() != 0 {
			t.Errorf("%d topics, %d bytes", len(topics.topics), topics.idle.Load())
		}
	})
}

// TestTopicsBoundWhatIsKept: those that nobody hears are forgotten when they hold too much.
func TestTopicsBoundWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &Topics{
			Keep: -1, MaxBytes: 100_000, New: func(string) *Topic { return &Topic{Replay: 5} },
		}
		heard := topics.Get("heard")
		heard.count.Add(1)
		data := strings.Repeat("x", 1000)
		for range 1000 {
			heard.Publish(Event{Data: data})
		}
		for i := range 300 {
			for range 3 + i%5 {
				topics.Get(fmt.Sprint(i)).Publish(Event{Data: data})
			}
			time.Sleep(topicGrace / 10)
		}
		sum := int64(0)
		for _, b := range topics.topics {
			if b.topic.Len() == 0 {
				sum += b.topic.kept.bytes()
			}
		}
		if held := topics.idle.Load(); held != sum || held > 200_000 {
			t.Errorf("%d bytes are kept, %d were counted", sum, held)
		}
		if topics.Get("heard") != heard {
			t.Error("a topic with a subscriber was forgotten")
		}
		checkTopics(t, topics)
	})
}

// durableBroker keeps events, and outlives the processes that it serves.
type durableBroker struct {
	mu      sync.Mutex
	kept    []Event
	members map[int]func(Event)
	n       int
}

func (b *durableBroker) Publish(_ string, ev Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	ev.ID = fmt.Sprint("stream-", len(b.kept)+1)
	b.kept = append(b.kept, ev)
	for _, deliver := range b.members {
		deliver(ev)
	}
	return nil
}

func (b *durableBroker) Subscribe(_ string, deliver func(Event)) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ev := range b.kept {
		deliver(ev)
	}
	if b.members == nil {
		b.members = map[int]func(Event){}
	}
	b.n++
	n := b.n
	b.members[n] = deliver
	return func() { b.mu.Lock(); defer b.mu.Unlock(); delete(b.members, n) }, nil
}
