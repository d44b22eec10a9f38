package wsframe

import (
	"math"
	"unicode/utf8"
)

// Reader takes apart what one peer sends. The zero value reads what a client sends, without
// compression and without a limit.
//
//	          data frame, FIN                 FIN of the last
//	between ───────────────▶ delivered   message ──────────▶ delivered ──Next──▶ between
//	   │  first fragment                    ▲ │
//	   └────────────────────────────────────┘ └─ fragment ─▶ message
//
// Control frames come in each of these states, and change none; a Close, or an error, ends it all.
type Reader struct {
	// set before the first call of Next
	FromServer bool  // frames come from a server: they must not be masked; else they must
	Deflate    bool  // messages may be compressed
	MaxMessage int64 // bytes, after decompression; 0: none

	left    int64 // of the frame's payload
	pos     int64 // bytes of it that came
	size    int64 // of the message, as it was sent, with this frame
	key     [4]byte
	op      Opcode // of the message; 0: there is none
	masked  bool
	fin     bool
	inFrame bool
	squeeze bool // the message is compressed
	given   bool // the message was delivered
	over    bool // a Close or an error came
	text    UTF8

	sent *buffer // what came of the message, unless its one frame lies in the caller's bytes
	full *buffer // its decompressed form
}

// MinBuffer is how many bytes the caller must be able to hold: a head and a control frame's
// payload.
const MinBuffer = MaxHead + MaxControl

// Message is a message, or a control frame. Op is 0 if there is none yet.
type Message struct {
	Op      Opcode
	Payload []byte // valid until the next call of Next
}

// Next takes from in, which holds the bytes that have come and were not taken before, and reports
// how many it took. A message with Op 0 says that more bytes are needed: in front of them the
// caller keeps those that were not taken, fewer than MinBuffer. in is unmasked in place.
//
// The error is an *Error. After it, and after a Close, nothing is taken any more.
func (r *Reader) Next(in []byte) (m Message, n int, err error) {
	if r.given {
		r.given, r.op = false, 0
		r.recycle()
	}
	for !r.over {
		if !r.inFrame {
			h, size, err := ParseHead(in[n:])
			if size > 0 && err == nil {
				err = r.check(&h)
			}
			if err != nil {
				return r.fail(n, err)
			}
			if size == 0 {
				return Message{}, n, nil
			}
			if h.Op.IsControl() {
				m, taken, err := r.control(&h, in[n:], size)
				if err != nil {
					return r.fail(n, err)
				}
				return m, n + taken, nil
			}
			n += size
			r.begin(&h)
		}
		piece := in[n:]
		if int64(len(piece)) > r.left {
			piece = piece[:r.left]
		}
		n += len(piece)
		m, err := r.take(piece)
		switch {
		case err != nil:
			return r.fail(n, err)
		case m.Op != 0:
			return m, n, nil
		case r.inFrame:
			return Message{}, n, nil
		}
	}
	return Message{}, n, nil
}

// Wants is how many bytes of the current frame are still to come; 0: unknown.
func (r *Reader) Wants() int64 {
	if r.over {
		return 0
	}
	return r.left
}

// Between reports whether nothing has come of the next message: a zero Reader would read on as well
// as r.
func (r *Reader) Between() bool { return !r.inFrame && (r.given || r.op == 0) }

// Release gives back what is not needed as long as nothing comes. A message that was delivered is
// no longer valid.
func (r *Reader) Release() {
	if r.given || r.op == 0 || r.over {
		giveBuffer(r.sent)
		giveBuffer(r.full)
		r.sent, r.full = nil, nil
	}
}

// recycle makes the buffers empty for the next message, unless they are large.
func (r *Reader) recycle() {
	for _, b := range []**buffer{&r.sent, &r.full} {
		if *b == nil {
			continue
		}
		if (*b).b = (*b).b[:0]; cap((*b).b) > keptBuffer {
			*b = nil
		}
	}
}

func (r *Reader) fail(n int, err error) (Message, int, error) {
	r.over = true
	return Message{}, n, err
}

// check finds what is wrong with a frame here.
func (r *Reader) check(h *Head) error {
	reserved := h.Reserved
	if r.Deflate && (h.Op == Text || h.Op == Binary) {
		reserved &^= RSV1
	}
	switch {
	case reserved != 0:
		return errReserved
	case h.Masked == r.FromServer:
		if h.Masked {
			return errMasked
		}
		return errUnmasked
	case h.Op.IsControl():
		return nil
	case h.Op == Continuation && r.op == 0:
		return errContinuation
	case h.Op != Continuation && r.op != 0:
		return errInterrupted
	}
	sent, limit := int64(0), r.limit()
	if h.Op == Continuation {
		sent = r.size
	}
	if h.Op == Continuation && r.squeeze || h.Reserved != 0 {
		// Data that does not compress gets longer, by 5 bytes for each block.
		if limit += limit>>8 + 1024; limit < 0 {
			limit = math.MaxInt64
		}
	}
	if h.Length > limit-sent {
		return errTooBig
	}
	return nil
}

func (r *Reader) limit() int64 {
	if r.MaxMessage <= 0 {
		return math.MaxInt64
	}
	return r.MaxMessage
}

// control takes a control frame, whose head has size bytes, if all of it is there.
func (r *Reader) control(h *Head, in []byte, size int) (m Message, n int, err error) {
	n = size + int(h.Length)
	if len(in) < n {
		return Message{}, 0, nil
	}
	payload := in[size:n]
	if h.Masked {
		Mask(payload, h.Key, 0)
	}
	if h.Op == Close {
		if _, _, err := ParseClose(payload); err != nil {
			return Message{}, 0, err
		}
		r.over = true
	}
	return Message{h.Op, payload}, n, nil
}

// begin starts a data frame.
func (r *Reader) begin(h *Head) {
	if h.Op != Continuation {
		r.op, r.size, r.squeeze, r.text = h.Op, 0, h.Reserved != 0, UTF8{}
	}
	r.inFrame, r.fin = true, h.Fin
	r.left, r.pos, r.key, r.masked = h.Length, 0, h.Key, h.Masked
	r.size += h.Length
}

// take takes a part of a data frame: all that is there of it.
func (r *Reader) take(piece []byte) (Message, error) {
	if r.masked {
		Mask(piece, r.key, r.pos)
	}
	first := r.pos == 0
	r.pos += int64(len(piece))
	r.left -= int64(len(piece))
	r.inFrame = r.left > 0
	done := r.fin && !r.inFrame
	if done && first && r.size == int64(len(piece)) && !r.squeeze { // the whole message lies here
		r.given = true
		if r.op == Text && !utf8.Valid(piece) {
			return Message{}, errText
		}
		return Message{r.op, piece}, nil
	}
	if r.op == Text && !r.squeeze && (!r.text.Add(piece) || done && !r.text.Whole()) {
		return Message{}, errText
	}
	if r.sent == nil {
		r.sent = takeBuffer()
	}
	r.sent.b = append(r.sent.b, piece...)
	if !done {
		return Message{}, nil
	}
	return r.deliver()
}

// deliver ends a message that was collected.
func (r *Reader) deliver() (Message, error) {
	r.given = true
	if !r.squeeze {
		return Message{r.op, r.sent.b}, nil
	}
	if r.full == nil {
		r.full = takeBuffer()
	}
	r.sent.b = append(r.sent.b, deflateEnd...)
	var err error
	r.full.b, err = inflate(r.full.b, r.sent.b, r.limit())
	switch {
	case err != nil:
		return Message{}, err
	case r.op == Text && !utf8.Valid(r.full.b):
		return Message{}, errText
	}
	return Message{r.op, r.full.b}, nil
}
