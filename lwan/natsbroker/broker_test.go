package natsbroker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/golwan/golwan/lwan"
)

// publish publishes events with these data.
func publish(t *testing.T, b *Broker, topic string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := b.Publish(topic, lwan.Event{Data: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEvents: all of an event arrives, in two processes, with the same ID, and what was published
// before Subscribe is delivered when that returns.
func TestEvents(t *testing.T) {
	url := embedded(t).ClientURL()
	one, two := broker(t, url, Config{}), broker(t, url, Config{})
	topics := []string{"plain", "", "a.b *>", "Ünï\x00code", strings.Repeat("x", maxName)}
	for _, topic := range topics {
		events := []lwan.Event{
			{Data: "several\nlines\r\n"},
			{Name: " spaces ", Data: topic},
			{ID: "own \"id\"", Data: "x", Retry: 1500 * time.Millisecond},
			{},
			{Data: "more", Gap: true},
		}
		for _, ev := range events {
			if err := one.Publish(topic, ev); err != nil {
				t.Fatalf("%q: %v", topic, err)
			}
		}
		a, b := listen(t, one, topic), listen(t, two, topic)
		if n := len(a.events); n != len(events) {
			t.Errorf("%q: %d events are there once Subscribe has returned", topic, n)
		}
		before := ""
		for _, want := range events {
			got, other := a.next(), b.next()
			if got != other {
				t.Errorf("%q: %+v, and in another process %+v", topic, got, other)
			}
			if got.ID == "" || got.ID == before {
				t.Errorf("%q: the ID is %q, and was %q", topic, got.ID, before)
			}
			before = got.ID
			if want.ID == "" {
				got.ID = ""
			}
			if got != want {
				t.Errorf("%q: %+v, want %+v", topic, got, want)
			}
		}
		if err := two.Publish(topic, lwan.Event{Gap: true}); err != nil {
			t.Fatal(err)
		}
		if got := a.next(); got != (lwan.Event{Gap: true}) {
			t.Errorf("%q: %+v", topic, got)
		}
	}
	if err := one.Publish(strings.Repeat("x", maxName+1), lwan.Event{}); err == nil {
		t.Error("a name that is too long is taken")
	}
	if _, err := one.Subscribe(strings.Repeat("x", maxName+1), nil); err == nil {
		t.Error("a name that is too long is subscribed to")
	}
}

// TestOutage: while NATS cannot be reached publishers get an error, and subscribers nothing; then
// they get what they have missed, each once.
func TestOutage(t *testing.T) {
	nat := embedded(t)
	url, set := cut(t, nat.Addr().String())
	here, there := broker(t, url, Config{}), broker(t, nat.ClientURL(), Config{})
	seen, empty := listen(t, here, "seen"), listen(t, here, "empty")
	publish(t, there, "seen", 0, 10)
	for i := range 10 {
		if ev := seen.next(); ev.Data != fmt.Sprint(i) {
			t.Fatalf("event %d is %+v", i, ev)
		}
	}
	for round := range 3 {
		set(false)
		wait(t, "the loss of the connection", func() bool { return !here.c.Conn.IsConnected() })
		err := here.Publish("seen", lwan.Event{Data: "lost"})
		if !errors.Is(err, nats.ErrDisconnected) {
			t.Errorf("without a connection: %v", err)
		}
		if _, err := here.Subscribe("new", nil); !errors.Is(err, nats.ErrDisconnected) {
			t.Errorf("without a connection: %v", err)
		}
		publish(t, there, "seen", 100*round, 100*round+100)
		publish(t, there, "empty", round, round+1)
		set(true)
		for i := range 100 {
			if ev := seen.next(); ev.Data != fmt.Sprint(100*round+i) {
				t.Fatalf("event %d is %+v", 100*round+i, ev)
			}
		}
		if ev := empty.next(); ev.Data != fmt.Sprint(round) {
			t.Errorf("the first event is %+v", ev)
		}
	}
}

func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal(what, "does not come")
		}
	}
}

// TestRemoved: what the stream has removed before a process got it is a Gap, and then come those
// that it still has; also for a topic that had no event before.
func TestRemoved(t *testing.T) {
	nat := embedded(t)
	url, set := cut(t, nat.Addr().String())
	c := Config{Keep: leastKeep}
	here, there := broker(t, url, c), broker(t, nat.ClientURL(), c)
	seen, empty := listen(t, here, "seen"), listen(t, here, "empty")
	publish(t, there, "seen", 0, 3)
	for range 3 {
		seen.next()
	}
	set(false)
	wait(t, "the loss of the connection", func() bool { return !here.c.Conn.IsConnected() })
	publish(t, there, "seen", 3, 100)
	publish(t, there, "empty", 0, 100)
	set(true)
	for _, l := range []*listener{seen, empty} {
		if ev := l.next(); ev != (lwan.Event{Gap: true}) {
			t.Fatalf("events were removed, and then comes %+v", ev)
		}
		for i := 100 - leastKeep; i < 100; i++ {
			if ev := l.next(); ev.Data != fmt.Sprint(i) || ev.Gap {
				t.Fatalf("event %d is %+v", i, ev)
			}
		}
	}
	// Nothing was removed that matters: no Gap.
	set(false)
	wait(t, "the loss of the connection", func() bool { return !here.c.Conn.IsConnected() })
	publish(t, there, "seen", 100, 100+leastKeep-1)
	set(true)
	for i := range leastKeep - 1 {
		if ev := seen.next(); ev.Data != fmt.Sprint(100+i) {
			t.Fatalf("event %d is %+v", 100+i, ev)
		}
	}
}

// TestStreamMadeAnew: a stream that was deleted counts from 1 again: its IDs are others, and
// subscribers are told.
func TestStreamMadeAnew(t *testing.T) {
	b := broker(t, embedded(t).ClientURL(), Config{})
	l := listen(t, b, "x")
	publish(t, b, "x", 0, 1)
	old := l.next()
	if err := b.js.DeleteStream(t.Context(), b.c.Stream); err != nil {
		t.Fatal(err)
	}
	if ev := l.next(); ev != (lwan.Event{Gap: true}) {
		t.Fatalf("the stream has gone, and then comes %+v", ev)
	}
	publish(t, b, "x", 1, 2)
	if ev := l.next(); ev.Data != "1" || ev.ID == old.ID {
		t.Errorf("%+v, and before there was %+v", ev, old)
	}
}

// TestBusyTopic: a topic to which an event comes for each that is read can be subscribed to: what
// was there is read at some time, and the rest has no end.
func TestBusyTopic(t *testing.T) {
	const kept, most = 3 * burstSize, 100 * burstSize
	b := broker(t, embedded(t).ClientURL(), Config{Keep: 2 * most})
	publish(t, b, "busy", 0, kept)
	n := 0
	stop, err := b.Subscribe("busy", func(lwan.Event) {
		if n++; n < most {
			if err := b.Publish("busy", lwan.Event{}); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if n >= most {
		t.Errorf("%d events were read before Subscribe returned, and %d were there", n, kept)
	}
}

// TestBehind: a process that is slower than the stream forgets is told so, and goes on with events
// in order.
func TestBehind(t *testing.T) {
	nat := embedded(t)
	c := Config{Keep: leastKeep}
	slow, quick := broker(t, nat.ClientURL(), c), broker(t, nat.ClientURL(), c)
	in, goOn := make(chan lwan.Event), make(chan struct{})
	stop, err := slow.Subscribe("x", func(ev lwan.Event) {
		select {
		case in <- ev:
		case <-goOn:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	defer close(goOn)
	const all = 20 * burstSize
	publish(t, quick, "x", 0, all) // while the first is being delivered
	last, gaps := -1, 0
	for gap := false; last < all-1; {
		ev := (&listener{t, in}).next()
		var n int
		switch _, err := fmt.Sscan(ev.Data, &n); {
		case ev.Gap:
			gap = true
			gaps++
			continue
		case err != nil, n <= last, n != last+1 && !gap:
			t.Fatalf("%+v comes behind %d, gap: %v", ev, last, gap)
		}
		last, gap = n, false
	}
	if gaps == 0 {
		t.Error("a stream of 16 has kept all")
	}
}

// TestClose: nothing is delivered later, and whoever calls is told.
func TestClose(t *testing.T) {
	b := broker(t, embedded(t).ClientURL(), Config{})
	l := listen(t, b, "x")
	b.Close()
	if err := b.Publish("x", lwan.Event{}); err == nil {
		t.Error("a closed broker publishes")
	}
	if _, err := b.Subscribe("x", nil); err == nil {
		t.Error("a closed broker subscribes")
	}
	if n := len(l.events); n != 0 {
		t.Errorf("%d events", n)
	}
}

// TestConfig: what cannot work is an error.
func TestConfig(t *testing.T) {
	if _, err := New(t.Context(), Config{}); err == nil {
		t.Error("without a connection")
	}
	conn, err := Connect(embedded(t).ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range []Config{{Keep: leastKeep - 1}, {Stream: "a.b"}} {
		c.Conn = conn
		if b, err := New(t.Context(), c); err == nil {
			b.Close()
			t.Errorf("%+v is taken", c)
		}
	}
}
