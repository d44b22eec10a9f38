package lwan

import (
	"sync"
	"sync/atomic"
	"time"
)

// hereJoin is what a socket has joined where there is no loop. The socket's sender serves it.
//
// While the sender is in the middle of a message for a client that does not read, publishers see to
// it that the subscription does not hold more than the topic's Backlog.
type hereJoin struct {
	host *hereTalk
	told atomic.Bool // the sender is to look

	mu    sync.Mutex // guards the subscriber, too
	sub   *subscriber
	first []string  // sent before anything else
	since time.Time // since when a message is being sent; zero: none is
	later bool      // a timer looks at that again
	cause error     // why it is over; nil: it is not
}

// join implements socketHost. The topic knows of j before the socket does: whatever ends j finds it
// among the socket's, and then among the topic's.
func (h *hereTalk) join(sub *subscriber, first []string) error {
	if h.isOver() {
		return ErrGone
	}
	j := &hereJoin{host: h, sub: sub, first: first}
	t := sub.topic
	t.mu.Lock()
	t.audiences[j] = j
	t.mu.Unlock()
	if !sub.servedBy(j) {
		j.drop()
	}
	h.mu.Lock()
	over := h.over
	if !over {
		h.joined = append(h.joined, j)
	}
	h.mu.Unlock()
	if over {
		j.end(ErrGone)
		return nil
	}
	j.tell()
	return nil
}

func (h *hereTalk) isOver() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.over
}

// leave implements socketHost.
func (h *hereTalk) leave(t *Topic) {
	h.mu.Lock()
	joined := append([]*hereJoin(nil), h.joined...)
	h.mu.Unlock()
	for _, j := range joined {
		if j.sub.topic == t {
			j.drop()
		}
	}
}

// tell lets the sender look.
func (j *hereJoin) tell() {
	j.told.Store(true)
	j.host.mu.Lock()
	defer j.host.mu.Unlock()
	if !j.host.over {
		j.host.send()
	}
}

// notify implements audience.
func (j *hereJoin) notify() {
	j.mu.Lock()
	j.hold()
	j.mu.Unlock()
	j.tell()
}

// hold holds a client that does not read to what it may owe; mu is held.
func (j *hereJoin) hold() {
	if j.cause != nil || j.since.IsZero() || !j.sub.slow() {
		return
	}
	if left := hereSlow - time.Since(j.since); left > 0 {
		if !j.later {
			j.later = true
			time.AfterFunc(left, j.again)
		}
		return
	}
	if j.sub.topic.Slow == Disconnect {
		j.cause = ErrSlow
		j.host.cut(&CloseError{codeTryAgain, "too slow"})
		return
	}
	j.sub.skip()
}

// again is the timer's.
func (j *hereJoin) again() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.later = false
	j.hold()
}

// drop implements host.
func (j *hereJoin) drop() {
	j.mu.Lock()
	if j.cause == nil {
		j.cause = ErrDropped
	}
	j.mu.Unlock()
	j.tell()
}

// serve sends what there is, in the sender.
func (j *hereJoin) serve() {
	j.told.Store(false)
	for {
		texts, cause := j.next()
		if cause != nil {
			j.host.forget(j)
			j.end(cause)
			return
		}
		if len(texts) == 0 {
			return
		}
		for _, text := range texts {
			if err := j.host.ws.SendText(text); err != nil {
				return // Receive says why, and ends it
			}
		}
		j.mu.Lock()
		j.since = time.Time{}
		j.mu.Unlock()
	}
}

// next is what is sent next; nothing if there is nothing. The error is why it is over.
func (j *hereJoin) next() (texts []string, cause error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cause != nil {
		return nil, j.cause
	}
	if first := j.first; len(first) > 0 {
		j.first, j.since = nil, time.Now()
		return first, nil
	}
	over := j.sub.topic.over.Load() // before the last events are looked for
	for w := j.sub.next(); w != nil; w = j.sub.next() {
		j.sub.take(w)
		for data := range eventData(string(w.chunk[w.from:w.to])) {
			texts = append(texts, data)
		}
		if len(texts) > 0 {
			j.since = time.Now()
			return texts, nil
		}
	}
	if over {
		return nil, ErrDropped
	}
	j.sub.catching = false
	return nil, nil
}

// forget takes j out of what the socket has joined.
func (h *hereTalk) forget(j *hereJoin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, other := range h.joined {
		if other == j {
			h.joined = append(h.joined[:i], h.joined[i+1:]...)
			return
		}
	}
}

// end ends the subscription.
func (j *hereJoin) end(cause error) {
	t := j.sub.topic
	t.mu.Lock()
	_, there := t.audiences[j]
	delete(t.audiences, j)
	t.mu.Unlock()
	if !there { // it has ended before
		return
	}
	ended := make(chan struct{})
	go func() { // which OnEnd may end
		defer close(ended)
		j.sub.end(cause)
	}()
	<-ended
}
