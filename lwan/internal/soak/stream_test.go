//go:build linux && !golwan_nethttp

package soak_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan"
)

// stream is a client of what has no end by itself.
func (s *soak) stream(r *rand.Rand) {
	switch r.IntN(5) {
	case 0, 1:
		s.listen(r, "news")
	case 2:
		s.listen(r, "gossip")
	case 3:
		s.echo(r)
	case 4:
		s.waitInQueue(r)
	}
}

// publish feeds the topics until everything is over.
func (s *soak) publish() {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-s.done:
			return
		case <-ticker.C:
			for _, topic := range []*lwan.Topic{s.site.news, s.site.gossip} {
				topic.Publish(lwan.Event{Data: eventData(uint64(n))})
			}
		}
	}
}

// eventData is what the n-th event of a topic says.
func eventData(n uint64) string { return fmt.Sprintf("%d %x", n, soakBytes(n, int(n%50))) }

// eventNumber is which event of its topic one with a generated ID is.
func eventNumber(id string) (uint64, error) {
	_, number, _ := strings.Cut(id, "-")
	return strconv.ParseUint(number, 10, 64)
}

// listen subscribes to a topic, and again from where it was.
func (s *soak) listen(r *rand.Rand, topic string) {
	last := ""
	for range 1 + r.IntN(3) {
		c := s.dial(r, "listening")
		if c == nil {
			return
		}
		a := newAsk(r, topic, "GET", "/topic/"+topic)
		if last != "" {
			a = newAsk(r, topic+" again", "GET", "/topic/"+topic, "Last-Event-ID: "+last)
		}
		a.closes = true
		err := c.hear(r, a, topic == "news", &last)
		c.judge(err, a, false)
		c.close(r)
		if err != nil {
			return
		}
	}
}

// hear reads some events. With all it must be each one, from the one behind last on if that is
// known.
func (c *soakClient) hear(r *rand.Rand, a *soakAsk, all bool, last *string) error {
	c.s.ledger.asked(a)
	resp, err := c.ask(a)
	if err != nil {
		return err
	}
	in := bufio.NewReader(resp.Body)
	if hello, err := readEvent(in); err != nil || hello.Name != "hello" || hello.Data != a.id {
		return errors.Join(err, notAsWanted(err, "the first event is %v", hello))
	}
	for range 1 + r.IntN(200) {
		ev, err := readEvent(in)
		if err != nil {
			return err
		}
		id, err := eventNumber(ev.ID)
		if err != nil || ev.Data != eventData(id) {
			return fmt.Errorf("event %q is %q: %w", ev.ID, ev.Data, errors.Join(err, errWrongEvent))
		}
		before, _ := eventNumber(*last) // 0: there was none
		if all && *last != "" && id != before+1 || id <= before {
			return fmt.Errorf("%w: event %d follows on %s", errWrongEvent, id, *last)
		}
		*last = ev.ID
		c.s.ledger.events.Add(1)
	}
	c.s.ledger.answered(a)
	return nil
}

// ask sends a, and reads the head of the answer.
func (c *soakClient) ask(a *soakAsk) (*http.Response, error) {
	if _, err := c.c.Write(a.wire); err != nil {
		return nil, cutBy(err)
	}
	resp, err := c.head(a)
	if err != nil {
		return nil, err
	}
	if err := c.refused(resp); err != nil {
		return nil, err
	}
	if wrong := a.compareHead(resp); wrong != "" {
		return nil, errors.New(wrong)
	}
	return resp, nil
}

var errWrongEvent = errors.New("wrong event")

// notAsWanted is an error unless there is one already.
func notAsWanted(err error, format string, args ...any) error {
	if err != nil {
		return nil
	}
	return fmt.Errorf("%w: "+format, append([]any{errWrongEvent}, args...)...)
}

// readEvent reads the next event that has data (WHATWG HTML, section 9.2.6).
func readEvent(in *bufio.Reader) (ev lwan.Event, err error) {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return ev, cutBy(err)
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			ev.ID = value
		case "event":
			ev.Name = value
		case "data":
			ev.Data = value
		case "":
			if ev.Data != "" {
				return ev, nil
			}
		case "retry", ":": // a comment is for those who wonder whether anybody is there
		default:
			return ev, fmt.Errorf("%w: line %q", errWrongEvent, line)
		}
	}
}

// echo talks to something that is no HTTP any more.
func (s *soak) echo(r *rand.Rand) {
	c := s.dial(r, "echo")
	if c == nil {
		return
	}
	defer c.close(r)
	path := []string{"/upgrade", "/hijack"}[r.IntN(2)]
	a := newAsk(r, path, "GET", path, "Connection: Upgrade", "Upgrade: echo")
	a.status = 101
	s.ledger.asked(a)
	c.judge(c.echo(r, a), a, true)
}

func (c *soakClient) echo(r *rand.Rand, a *soakAsk) error {
	said := soakBytes(r.Uint64(), r.IntN(20_000))
	early := r.IntN(len(said) + 1) // sent with the request
	var wg sync.WaitGroup
	defer wg.Wait()
	c.send(append(bytes.Clone(a.wire), said[:early]...), r, &wg)
	resp, err := c.nextHead("GET")
	if err != nil {
		return err
	}
	if err := c.refused(resp); err != nil {
		return err
	}
	switch {
	case resp.StatusCode != 101 && c.wasShort():
		return errExcused
	case resp.StatusCode != 101:
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	wg.Wait()
	c.send(said[early:], r, &wg)
	got := make([]byte, len(said))
	n, err := io.ReadFull(c.in, got)
	if i := difference(got[:n], said); i < n {
		return fmt.Errorf("byte %d of the echo is %d, want %d", i, got[i], said[i])
	}
	if err != nil {
		return cutBy(err)
	}
	c.s.ledger.answered(a)
	c.closeWrite()
	return c.finish()
}

// waitInQueue lets one request wait for what another one brings.
func (s *soak) waitInQueue(r *rand.Rand) {
	name := strconv.FormatUint(r.Uint64(), 10)
	waiting, bringing := s.dial(r, "queue"), s.dial(r, "queue")
	defer s.site.queues.Delete(name)
	var wg sync.WaitGroup
	defer wg.Wait()
	if waiting != nil {
		defer waiting.close(r)
	}
	if bringing != nil {
		defer bringing.close(r)
	}
	if waiting == nil || bringing == nil {
		return
	}
	value := strconv.FormatUint(r.Uint64(), 10)
	pop := newAsk(r, "pop", "GET", "/queue/"+name)
	pop.body, pop.waits = []byte(value), true
	push := newPost(r, "push", "POST", "/queue/"+name, frame(r, []byte(value)))
	push.status = 204
	seed := rand.New(rand.NewPCG(r.Uint64(), 0))
	if r.IntN(2) == 0 {
		if bringing.pipeline(r, []*soakAsk{push}, false) {
			waiting.pipeline(seed, []*soakAsk{pop}, false)
		}
		return
	}
	popped := make(chan bool, 1)
	wg.Go(func() { popped <- waiting.pipeline(seed, []*soakAsk{pop}, false) })
	if !bringing.pipeline(r, []*soakAsk{push}, false) {
		// it was cut, before or after it had brought it: the other one is not to wait for ever
		s.site.queue(name).Push(value)
	}
	<-popped
}
