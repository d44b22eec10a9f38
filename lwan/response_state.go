package lwan

import (
	"errors"
	"net"
	"slices"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// answerState is how far an answer has come. Each request gets one final head, or none, whatever
// its handler, middleware, hooks and error page do: only the functions named here change the state,
// and each operation that needs a state looks at it first.
//
//	             sendHead, complete                sendHead
//	     held ───────────────────────▶ heading ───────────────▶ streaming ──endStream──▶ ended
//	      │ ▲                             │  │                      │
//	      │ └──a hook has failed, Reset───┘  └──concludeWhole──▶ ended  └──giveUp──▶ cut
//	      │
//	      ├──take (Upgrade; hijack, also of a stream)──▶ taken ──concludeTaken──▶ ended
//	      ├──take (Subscribe)──▶ subscribed ──concludeTaken──▶ ended | cut
//	      └──giveUp (the client has left)──▶ cut
//
//	held       nothing has left: body, fields and status may still change
//	heading    the hooks of the head run: those of BeforeHead, and filters that make a whole
//	           body. They may change fields and body; methods that need the head out, or send
//	           one, return ErrHeadSent, and Flush does nothing: the head follows
//	streaming  the head has left, the body follows: status and fields are fixed, and so is a
//	           declared length
//	taken      the connection is the handler's own, and nothing of the answer goes out any more
//	subscribed the head and what follows are a subscription's, which is served when the handler
//	           has returned
//	ended      the client has, or will have, all of it
//	cut        it was given up, so that the client sees that something is missing
//
// In the last four writing returns ErrOver. Observers and what Request.Defer was given find an
// answer ended or cut.
type answerState uint8

const (
	answerHeld answerState = iota
	answerHeading
	answerStreaming
	answerTaken
	answerSubscribed
	answerEnded
	answerCut
)

// headOut reports whether the head has left, or never will.
func (s answerState) headOut() bool { return s >= answerStreaming }

// over reports whether the answer has been concluded.
func (s answerState) over() bool { return s >= answerEnded }

// errWithinFilter is what a filter gets that writes to the response and not to the writer that it
// was given.
var errWithinFilter = errors.New("lwan: a Filter has used the response that it is a filter of")

// begins reports why a stream cannot begin now, or the connection not be taken.
func (r *Response) begins() error {
	if r.state != answerHeld {
		return ErrHeadSent
	}
	return nil
}

// take notes that the connection is somebody else's from now on, behind a head with status st, if
// none was sent before.
func (r *Response) take(as answerState, st Status) {
	if !r.state.headOut() {
		r.status = st
	}
	r.state = as
	r.stick(ErrOver)
	r.req.resetDeadline()
}

// hijack gives the connection away, with what was read of it too much.
func (r *Response) hijack() (net.Conn, []byte, error) {
	switch {
	case r.state > answerStreaming:
		return nil, nil, ErrOver
	case r.state == answerHeading || r.inFilter:
		return nil, nil, ErrHeadSent
	}
	return r.takeConn()
}

// takeConn takes the connection from the protocol.
func (r *Response) takeConn() (conn net.Conn, rest []byte, err error) {
	req := r.req
	err = req.outside(func() (err error) {
		conn, rest, err = req.by.Hijack()
		return err
	})
	if errors.Is(err, transport.ErrNotHere) {
		return nil, nil, err
	}
	if x := req.home; x != nil {
		rest = append(slices.Clip(x.ahead), rest...)
		x.ahead = nil
	}
	if err == nil {
		r.take(answerTaken, switching)
	}
	return conn, rest, err
}

// conclude ends the answer in a state of which over is true.
func (r *Response) conclude(s answerState) {
	r.state = s
	r.stick(ErrOver)
}

// died makes what is left of the answer err's, whose code ended by Goexit, or by a panic that
// nobody recovered, in the middle of something.
func (r *Response) died(err error) Status {
	r.retreat()
	r.inFilter = false
	return r.Fail(err)
}

// retreat gives the head up that was being prepared: something else can be answered. What filters
// have made of the body is no part of that.
func (r *Response) retreat() {
	if r.state == answerHeading {
		r.state = answerHeld
		r.filter = nil
	}
}
