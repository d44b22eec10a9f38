package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/golwan/golwan/lwan"
)

// subscription delivers the events of one topic, on a goroutine of its own. A session is a consumer
// of the stream, over one link; the next one goes on behind the last event.
//
//	run ──await──▶ session ──follow──▶ burst ──deliver──▶ topic
//	 ▲               │ the link is lost, something is missing in what came
//	 └───────────────┘
//
// What a stream removes is the oldest of a topic, always. So if an event is still there, none
// behind it was removed; and if the last one that was delivered is there after others have come,
// these are all that there were in between. That is asked where the process is behind; see
// doubtful.
type subscription struct {
	b       *Broker
	subject string
	deliver func(lwan.Event)

	caught chan struct{} // closed when what is kept has been delivered
	failed chan error    // gets how the first session has ended, if it was before that
	ended  chan struct{}

	// owned by run
	epoch  string // of the stream; "": none was seen yet
	from   uint64 // the first number that is wanted
	base   *mark  // the newest event that was delivered; nil: none is known
	seen   uint64 // the stream's last number when the session began
	told   bool   // that something is missing; nothing was delivered since
	limit  int64  // events that the stream keeps of a topic; not positive: any number
	ready  bool   // caught is closed
	burst  []jetstream.Msg
	stream jetstream.Stream
}

// mark is a message of the stream.
type mark struct {
	seq uint64
	at  time.Time // when it was published
}

const (
	burstSize    = 64
	retryAfter   = 250 * time.Millisecond // a session that has ended without the link
	lateAfter    = 10 * time.Second       // an event that comes so late may not be the next
	consumerRest = time.Minute            // after which NATS forgets a consumer that nobody asks
	lastWord     = time.Second            // for which NATS is told that nobody will
)

var errMissed = errors.New("messages were lost on their way")

// Subscribe implements lwan.Broker.
func (b *Broker) Subscribe(topic string, deliver func(lwan.Event)) (stop func(), err error) {
	subject, err := b.subject(topic)
	if err != nil {
		return nil, err
	}
	if b.current() == nil {
		return nil, fmt.Errorf("natsbroker: %w", nats.ErrDisconnected)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	s := &subscription{
		b: b, subject: subject, deliver: deliver, from: 1,
		caught: make(chan struct{}), failed: make(chan error, 1), ended: make(chan struct{}),
	}
	b.running.Go(func() {
		defer close(s.ended)
		s.run(ctx)
	})
	stop = func() {
		cancel()
		<-s.ended
	}
	late := time.NewTimer(b.c.Timeout)
	defer late.Stop()
	select {
	case <-s.caught:
		return stop, nil
	case err = <-s.failed:
	case <-late.C:
		err = context.DeadlineExceeded
	case <-b.ctx.Done():
		err = errClosed
	}
	stop()
	return nil, fmt.Errorf("natsbroker: topic %s: %w", topic, err)
}

// run makes sessions until ctx is over.
func (s *subscription) run(ctx context.Context) {
	for {
		link := s.b.await(ctx)
		if link == nil {
			return
		}
		err := s.session(ctx, link)
		if ctx.Err() != nil {
			return
		}
		if !s.ready {
			select {
			case s.failed <- err:
			default: // of the first
			}
		}
		if link.Err() != nil {
			continue
		}
		s.b.c.Log.Warn("natsbroker: a topic begins anew", "subject", s.subject, "err", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
			return
		}
	}
}

// session delivers until the link or ctx is over. The error says why.
func (s *subscription) session(ctx, link context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(link, func() { cancel(context.Cause(link)) })()
	cons, err := s.begin(ctx)
	if err != nil {
		return reason(ctx, err)
	}
	defer s.forget(cons)
	if cons.CachedInfo().NumPending == 0 {
		s.catch()
	}
	next := uint64(1) // the consumer's number of the next message
	first := true
	for {
		batch, err := cons.Fetch(burstSize, jetstream.FetchContext(ctx))
		if err != nil {
			return reason(ctx, err)
		}
		for s.gather(batch.Messages()) {
			if err := s.pass(ctx, &next, first); err != nil {
				return reason(ctx, err)
			}
			first = false
		}
		if err := batch.Error(); err != nil {
			return reason(ctx, err)
		}
	}
}

// reason is why ctx has ended, if that is why err came.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// begin makes a consumer of what is behind the last event, if that is still there.
func (s *subscription) begin(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.b.c.Timeout)
	defer cancel()
	stream, err := s.b.js.Stream(ctx, s.b.c.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = errors.Join(err, s.b.openStream(ctx)) // the next session finds it
	}
	if err != nil {
		return nil, err
	}
	s.stream = stream
	info := stream.CachedInfo()
	s.limit = info.Config.MaxMsgsPerSubject
	epoch := epochOf(info.Created)
	if s.epoch != "" && s.epoch != epoch {
		s.from = 1
		s.lose()
	} else if s.base != nil {
		there, err := s.has(ctx, *s.base)
		if err != nil {
			return nil, err
		}
		if !there {
			s.lose()
		}
	} else if s.ready && info.State.FirstSeq > s.seen+1 {
		s.lose()
	}
	s.epoch, s.seen = epoch, info.State.LastSeq
	config := jetstream.ConsumerConfig{
		FilterSubject: s.subject, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: consumerRest,
		MemoryStorage: true, Replicas: 1,
	}
	if s.from > 1 {
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, s.from
	}
	return stream.CreateConsumer(ctx, config)
}

// lose says that events are missing.
func (s *subscription) lose() {
	s.base = nil
	if !s.told {
		s.told = true
		s.deliver(lwan.Event{Gap: true})
	}
}

func (s *subscription) catch() {
	if !s.ready {
		s.ready = true
		close(s.caught)
	}
}

// forget tells NATS that nobody asks the consumer any more; else it finds that out by itself.
func (s *subscription) forget(cons jetstream.Consumer) {
	if s.b.c.Conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), lastWord)
		defer cancel()
		_ = s.stream.DeleteConsumer(ctx, cons.CachedInfo().Name)
	}
}

// gather waits for messages, and puts those into burst that have come. It reports false at their
// end.
func (s *subscription) gather(from <-chan jetstream.Msg) bool {
	clear(s.burst)
	s.burst = s.burst[:0]
	msg, ok := <-from
	for ok {
		s.burst = append(s.burst, msg)
		select {
		case msg, ok = <-from:
		default:
			ok = false
		}
	}
	return len(s.burst) > 0
}

// pass delivers the burst. next is the consumer's number of its first message.
func (s *subscription) pass(ctx context.Context, next *uint64, first bool) error {
	metas := make([]*jetstream.MsgMetadata, len(s.burst))
	for i, msg := range s.burst {
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != *next {
			return errMissed
		}
		*next++
		metas[i] = meta
	}
	at := 0
	if first || slices.ContainsFunc(metas, s.doubtful) {
		var err error
		if at, err = s.proved(ctx, metas); err != nil {
			return err
		}
	}
	for i, msg := range s.burst[at:] {
		meta := metas[at+i]
		ev, err := event(msg, s.epoch, meta.Sequence.Stream)
		if err != nil { // of another program's: its data is delivered
			s.b.c.Log.Warn("natsbroker: a message is not as it should be", "subject", s.subject,
				"err", err)
		}
		s.deliver(ev)
		s.told = false
		s.base = &mark{meta.Sequence.Stream, meta.Timestamp}
		s.from = meta.Sequence.Stream + 1
	}
	// what comes all the time is never at its end
	if last := metas[len(metas)-1]; last.NumPending == 0 || last.Sequence.Stream >= s.seen {
		s.catch()
	}
	return nil
}

// doubtful reports whether events may have been removed from the stream before this one was sent:
// where the process is behind. At the begin of a session they always may.
func (s *subscription) doubtful(m *jetstream.MsgMetadata) bool {
	return s.limit > 0 && int64(m.NumPending) >= s.limit/2 || time.Since(m.Timestamp) > lateAfter
}

// proved finds from where on in a burst nothing is missing, and says so if that is not behind base.
func (s *subscription) proved(ctx context.Context, burst []*jetstream.MsgMetadata) (int, error) {
	if s.base != nil {
		there, err := s.has(ctx, *s.base)
		if there || err != nil {
			return 0, err
		}
	}
	// The newest counts as there: nothing has come behind it that could be missed.
	var failure error
	at := sort.Search(len(burst)-1, func(i int) bool {
		if failure != nil {
			return true
		}
		there, err := s.has(ctx, mark{burst[i].Sequence.Stream, burst[i].Timestamp})
		failure = err
		return there
	})
	if failure != nil {
		return 0, failure
	}
	// Without a base there was no event when the topic was caught up with: all behind that are new.
	full := s.limit > 0 && slices.ContainsFunc(burst, func(m *jetstream.MsgMetadata) bool {
		return int64(m.NumPending) >= s.limit-1
	})
	if s.base != nil || s.ready && (at > 0 || full) {
		s.lose()
	}
	return at, nil
}

// has reports whether the stream has a message.
func (s *subscription) has(ctx context.Context, m mark) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.b.c.Timeout)
	defer cancel()
	msg, err := s.stream.GetMsg(ctx, m.seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	return msg.Subject == s.subject && msg.Time.Equal(m.at), nil
}
