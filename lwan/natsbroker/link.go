package natsbroker

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// A link is the connection to NATS from when it stands until it is lost: what was asked for over
// one is not answered over the next.

var errClosed = errors.New("natsbroker: the broker was closed")

// lookAgain is how often the connection is looked at, should a word of its state be lost.
const lookAgain = time.Second

// watch keeps link true until the broker is closed.
func (b *Broker) watch() {
	states := b.c.Conn.StatusChanged()
	defer b.c.Conn.RemoveStatusListener(states)
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		b.look()
		select {
		case <-states:
		case <-tick.C:
		case <-b.ctx.Done():
			b.lose(errClosed)
			return
		}
	}
}

// look compares link with the connection.
func (b *Broker) look() {
	n := b.c.Conn.Stats().Reconnects // before the state: a later number ends the link soon
	up := b.c.Conn.IsConnected()
	b.mu.Lock()
	stale := b.link != nil && (!up || n != b.reconnects)
	b.mu.Unlock()
	if stale {
		b.c.Log.Warn("natsbroker: the connection to NATS was lost", "err", b.c.Conn.LastError())
		b.lose(nats.ErrDisconnected)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if up && b.link == nil {
		b.link, b.unlink = context.WithCancelCause(b.ctx)
		b.reconnects = n
		close(b.linked)
	}
}

// lose ends the link.
func (b *Broker) lose(cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link != nil {
		b.unlink(cause)
		b.link, b.linked = nil, make(chan struct{})
	}
}

// current is the link; nil: there is none. That of a connection that is lost already is none.
func (b *Broker) current() context.Context {
	b.look()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.link
}

// await returns the link as soon as there is one, or nil when ctx is over.
func (b *Broker) await(ctx context.Context) context.Context {
	for {
		b.mu.Lock()
		link, linked := b.link, b.linked
		b.mu.Unlock()
		if link != nil {
			return link
		}
		select {
		case <-linked:
		case <-ctx.Done():
			return nil
		}
	}
}
