package lwan

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestMadeUpTopicsFilledMemory: each name that a client made up was a topic for a minute, and there
// was no bound.
func TestMadeUpTopicsFilledMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 100
		topics := &Topics{
			Max: most, Keep: time.Hour, New: func(name string) *Topic { return &Topic{Replay: 3} },
		}
		heard, replayed, empty := topics.Get("heard"), topics.Get("replayed"), topics.Get("empty")
		heard.count.Add(1)
		replayed.Publish(Event{Data: "kept"})
		for i := range 50 * most {
			topics.Get(fmt.Sprint("made up ", i))
			if i%most == 0 {
				time.Sleep(2 * time.Second)
			}
			if n := len(topics.topics); n > 2*most+topicLooks {
				t.Fatalf("%d topics after %d names", n, i+1)
			}
		}
		if topics.Get("heard") != heard || topics.Get("replayed") != replayed {
			t.Error("a topic with a subscriber or with events to replay was forgotten for " +
				"made-up ones")
		}
		if topics.Get("empty") == empty {
			t.Error("a topic of no use is still there")
		}
		checkTopics(t, topics)
	})
}

// TestTopicsWithEventsAreBounded: those that have something to replay go too, when there are twice
// as many.
func TestTopicsWithEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &Topics{
			Max: 100, Keep: -1, New: func(name string) *Topic { return &Topic{Replay: 1} },
		}
		for i := range 5000 {
			topics.Get(fmt.Sprint(i)).Publish(Event{Data: "x"})
			if i%50 == 0 {
				time.Sleep(2 * time.Second)
			}
		}
		if n := len(topics.topics); n > 300 {
			t.Errorf("%d topics", n)
		}
		checkTopics(t, topics)
	})
}

// TestNewTopicsAreNotForgotten: who has just asked for one is about to use it, whatever comes in
// between.
func TestNewTopicsAreNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topics := &Topics{Max: 10}
		mine := topics.Get("mine")
		for i := range 1000 {
			topics.Get(fmt.Sprint(i))
		}
		if topics.Get("mine") != mine {
			t.Error("a topic was forgotten at once")
		}
		topics = &Topics{Max: -1}
		for i := range 20_000 {
			topics.Get(fmt.Sprint(i))
		}
		if n := len(topics.topics); n != 20_000 {
			t.Errorf("without a bound there are %d topics", n)
		}
	})
}

// checkTopics compares the map with the list.
func checkTopics(t *testing.T, topics *Topics) {
	t.Helper()
	n := 0
	for b := topics.newest; b != nil; b = b.older {
		if n++; topics.topics[b.name] != b || b.older != nil && b.older.newer != b {
			t.Fatalf("%s is out of place", b.name)
		}
	}
	if n != len(topics.topics) || (topics.oldest == nil) != (n == 0) {
		t.Errorf("%d topics in the list, %d in the map", n, len(topics.topics))
	}
}
