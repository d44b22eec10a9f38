package lwan

import (
	"slices"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Join sends what is published on t to s, too: the Data of each event as a text message, until
// Leave, Drop or Close of the topic, or the end of the socket. The frame is made once for all
// sockets. Slow and Backlog are the topic's, and with Disconnect the WebSocket of a client that is
// too slow is closed with 1013; what WebSocketConfig.Backlog says is for what is pushed. First and
// Gap of sub are sent as messages, and After counts as with Subscribe. What EventSource would not
// fire, as heartbeats and an event that has a Retry only, is not sent; line breaks in Data are
// "\n".
//
// It may be called from anywhere, for any number of topics. A socket that has joined twice gets
// everything twice. ErrGone: the socket has ended; ErrDropped: the topic was closed. OnEnd is not
// called then.
func (t *Topic) Join(s *Socket, sub Subscription) error {
	t.init()
	if t.over.Load() {
		return ErrDropped
	}
	first, err := appendEvents(nil, sub.First)
	if err != nil {
		return err
	}
	gap, err := appendEvents(nil, sub.Gap)
	if err != nil {
		return err
	}
	t.mu.Lock()
	member, found := t.newSubscriber(sub, sub.After, s.host.logger())
	member.form = transport.Message
	t.enlist(member)
	t.mu.Unlock()
	if !found {
		first = append(gap, first...)
	}
	err = s.host.join(member, slices.Collect(eventData(string(first))))
	if err != nil {
		member.leave()
	}
	return err
}

// Leave ends what Join has begun, soon: OnEnd gets ErrDropped. It may be called from anywhere.
func (t *Topic) Leave(s *Socket) { s.host.leave(t) }

// codeTryAgain tells a client that was too slow (RFC 6455 section 7.4, IANA).
const codeTryAgain = 1013

// join implements socketHost.
func (g *talk) join(sub *subscriber, first []string) error {
	g.mu.Lock() // until the letter is there: the loop ends behind the socket
	defer g.mu.Unlock()
	if g.ended != nil {
		return ErrGone
	}
	g.loop.Post(func() { g.take(sub, first) })
	return nil
}

// take begins a subscription, on the loop.
func (g *talk) take(sub *subscriber, first []string) {
	p := &joinPipe{talk: g}
	p.guest = &topicGuest{
		subscriber: sub, core: g.core, pipe: p, loop: g.loop, number: g.number, held: g.held,
	}
	if g.over {
		p.guest.end(g.cause)
		return
	}
	for _, data := range first {
		p.guest.part = wsframe.AppendFrame(p.guest.part, wsframe.Text, []byte(data))
	}
	g.joined = append(g.joined, p.guest)
	p.guest.Ready(p)
}

// leave implements socketHost.
func (g *talk) leave(t *Topic) {
	g.loop.Post(func() {
		for _, s := range slices.Clone(g.joined) {
			if s.topic == t {
				s.finish(ErrDropped)
			}
		}
	})
}

// feed lets those topics go on that wait for room.
func (g *talk) feed() {
	if len(g.joined) == 0 {
		return
	}
	for _, s := range slices.Clone(g.joined) {
		if s.crowd != nil && !g.over {
			s.Ready(s.pipe)
		}
	}
}

// leaveTopics ends what the socket has joined.
func (g *talk) leaveTopics() {
	for _, s := range slices.Clone(g.joined) {
		s.depart(g.cause)
	}
	g.joined = nil
}

// joinPipe is a WebSocket as a Pipe of a subscription: it takes whole frames.
type joinPipe struct {
	talk  *talk
	guest *topicGuest
}

var _ transport.Pipe = (*joinPipe)(nil)

// TryRead implements transport.Pipe: what comes is for the conversation.
func (p *joinPipe) TryRead([]byte) (int, error) { return 0, transport.ErrAgain }

// TryWrite implements transport.Pipe.
func (p *joinPipe) TryWrite(frames []byte) (int, error) {
	if len(frames) == 0 {
		return 0, nil
	}
	if err := p.talk.TryFrame(frames); err != nil {
		return 0, err
	}
	return len(frames), nil
}

// Gone implements transport.Pipe: the WebSocket is told.
func (p *joinPipe) Gone() bool { return false }

// Attach implements transport.Pipe.
func (p *joinPipe) Attach(transport.Session) {}

// Again implements transport.Pipe: nothing is ever stopped short.
func (p *joinPipe) Again() {}

// Expire implements transport.Pipe: the time is the WebSocket's.
func (p *joinPipe) Expire(uint32) {}

// End implements transport.Pipe: of the subscription, unless its client is too slow.
func (p *joinPipe) End(how transport.Ending) {
	g := p.talk
	if i := slices.Index(g.joined, p.guest); i >= 0 {
		g.joined = slices.Delete(g.joined, i, i+1)
	}
	if how == transport.Close && !g.over {
		g.Session.Close(codeTryAgain, "too slow")
	}
}

// Loop implements transport.Pipe.
func (p *joinPipe) Loop() transport.Loop { return p.talk.loop }
