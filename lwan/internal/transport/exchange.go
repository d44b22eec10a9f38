package transport

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Exchange is one request and its answer. An object serves one after the other.
//
//	over ──Begin──▶ ready ──Run | Refuse──▶ running ──▶ concluded ──End──▶ over
//	                                        running | concluded ──Died──▶ concluded
type Exchange interface {
	// Begin takes a request whose head h, with offsets into buf, has come on by; on runs it. Both,
	// and h, are the exchange's until End.
	Begin(by Stream, on Task, h *message.Head, buf []byte)
	// Run calls the program's handler and concludes the answer: by has been told Close, Cut,
	// Hijack, Raw with Cut, or Take.
	Run()
	// Refuse answers what is no request with an error page, and concludes the answer. reason is for
	// the client; "": none.
	Refuse(status int, reason string)
	// Died concludes the answer of a handler that ended by Goexit (value is nil), or of something
	// in Run or End that panicked. on is who concludes: it may wait, and is the exchange's task
	// from now on, as the old one is dead. It is called again if something in it dies, and cuts
	// then, without a second error page.
	Died(on Task, value any, stack []byte)
	// End tells who waits for the end, and forgets the request.
	End()

	// Move says that the head lies in buf now. It reports whether nobody holds views of the old
	// bytes.
	Move(buf []byte) (free bool)
	// Shrink gives back memory that is not needed while nothing happens: when a task waits for its
	// peer, or rests.
	Shrink()
	// Pauses is how long one read, and one write, may wait without progress; 0: for ever.
	Pauses() (read, write time.Duration)
	// Left is the time that the handler has until the head of its answer; limited is false if it
	// has any. A Stream whose reads cannot be cancelled bounds them by it.
	Left() (left time.Duration, limited bool)
	// Cancel says why the request's waits have ended, or do from now on. It is called on the loop,
	// or on any goroutine where there is none, and must not wait.
	Cancel(cause error)
	// Drain says that draining has begun. It reports whether that ends the request, and has done
	// then what Cancel does.
	Drain() (ends bool)
}
