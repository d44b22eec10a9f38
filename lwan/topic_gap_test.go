//go:build linux

package lwan

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

// TestEventGap: who is there is told once that something is missing, at its place, also behind the
// last event and in the middle of a batch; who comes back with an older ID is told, too.
func TestEventGap(t *testing.T) {
	t.Parallel()
	topic := func() *Topic { return &Topic{Replay: 100} }
	sub := Subscription{Gap: []Event{{Name: "gap"}}}
	onCarriers(t, topic, sub, Limits{}, func(c *contract) {
		in := c.read(c.join(""))
		before := c.topic.Publish(Event{Data: "0"})
		in.want(before + "||0")
		mark := c.topic.Publish(Event{Gap: true})
		if mark == "" || mark != c.topic.LastID() {
			c.Errorf("its ID is %q, and the last one %q", mark, c.topic.LastID())
		}
		in.want("|gap|")
		var want []string
		for i := range 40 { // some come in one batch
			id := c.topic.Publish(Event{Data: strconv.Itoa(i), Gap: i%10 == 5})
			if i%10 == 5 {
				want = append(want, "|gap|")
			}
			want = append(want, id+"||"+strconv.Itoa(i))
		}
		in.want(want...)
		for _, id := range []string{before, mark} {
			c.read(c.join(id)).want("|gap|")
		}
		last := len(want) - 1
		id, _, _ := strings.Cut(want[last-1], "|")
		c.read(c.join(id)).want(want[last])
	})
}

// TestSendErrors: what Publish says with "" has a reason.
func TestSendErrors(t *testing.T) {
	topic := new(Topic)
	if id, err := topic.Send(Event{Data: "x"}); id == "" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := topic.Send(Event{Name: "a\nb"}); !errors.Is(err, errEventField) {
		t.Errorf("a line break in the name: %v", err)
	}
	topic.Close()
	if _, err := topic.Send(Event{Data: "x"}); !errors.Is(err, ErrTopicClosed) {
		t.Errorf("after Close: %v", err)
	}
	broker := &failingBroker{}
	topics := &Topics{Broker: broker}
	if _, err := topics.Get("x").Send(Event{Data: "x"}); !errors.Is(err, errSecret) {
		t.Errorf("the broker's error: %v", err)
	}
	if _, err := topics.Get("x").Send(Event{ID: "a\nb"}); !errors.Is(err, errEventField) {
		t.Errorf("what cannot be sent reaches the broker: %v", err)
	}
}

type failingBroker struct{}

func (failingBroker) Publish(string, Event) error { return errSecret }

func (failingBroker) Subscribe(string, func(Event)) (func(), error) { return func() {}, nil }
