package natsbroker

import (
	"encoding/base32"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/golwan/golwan/lwan"
)

// headerField has what an event has besides its data, which is the message's payload. A message
// without it, from any other program, is an event, too.
const headerField = "Golwan-Event"

// fields is headerField in JSON.
type fields struct {
	ID    string        `json:"id,omitempty"`
	Name  string        `json:"name,omitempty"`
	Retry time.Duration `json:"retry,omitempty"` // nanoseconds
	Gap   bool          `json:"gap,omitempty"`
}

// maxName is how long the name of a topic may be.
const maxName = 255

// subject is that of a topic. Names may have any bytes, and NATS gives a meaning to some: one that
// has others than letters, digits, "-" and "_" is written in base32, behind a "=".
func (b *Broker) subject(topic string) (string, error) {
	if len(topic) > maxName {
		return "", fmt.Errorf("natsbroker: the name of a topic has %d bytes, and may have %d",
			len(topic), maxName)
	}
	plain := topic != "" && strings.IndexFunc(topic, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			r == '-' || r == '_')
	}) < 0
	if !plain {
		topic = "=" + base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(topic))
	}
	return b.c.Stream + "." + topic, nil
}

func (b *Broker) message(topic string, ev lwan.Event) (*nats.Msg, error) {
	subject, err := b.subject(topic)
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: subject, Data: []byte(ev.Data)}
	f := fields{ev.ID, ev.Name, ev.Retry, ev.Gap}
	if f != (fields{}) {
		text, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		msg.Header = nats.Header{headerField: {string(text)}}
	}
	return msg, nil
}

// event is the event of a message. epoch stands for the stream, in which seq is its number.
func event(msg jetstream.Msg, epoch string, seq uint64) (lwan.Event, error) {
	ev := lwan.Event{Data: string(msg.Data())}
	var f fields
	if text := msg.Headers().Get(headerField); text != "" {
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			return ev, fmt.Errorf("%s of event %d: %w", headerField, seq, err)
		}
	}
	ev.ID, ev.Name, ev.Retry, ev.Gap = f.ID, f.Name, f.Retry, f.Gap
	// one that is a gap and nothing else has none
	if ev.ID == "" && !(f == fields{Gap: true} && ev.Data == "") {
		ev.ID = epoch + "-" + strconv.FormatUint(seq, 10)
	}
	return ev, nil
}

// epochOf stands for a stream: one that was deleted and made again counts from 1 again.
func epochOf(created time.Time) string { return strconv.FormatInt(created.UnixMicro(), 36) }
