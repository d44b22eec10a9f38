package transport

import "errors"

// What ends a wait. Package lwan has the same values under the same names: a protocol returns no
// others of its own for these cases, whatever the kernel or net/http has said.
var (
	ErrGone = errors.New("lwan: the client has left")
	// the request's, or that of one read or write without progress
	ErrTimeout  = errors.New("lwan: the time is up")
	ErrStopping = errors.New("lwan: the server is shutting down")
	ErrBusy     = errors.New("lwan: no goroutine free for Await or Blocking")
	ErrForeign  = errors.New("lwan: a request was used by a goroutine that does not run it")
	ErrOver     = errors.New("lwan: the answer has ended, or its handler")
	ErrTooLarge = errors.New("lwan: body over the limit")
)

// What only the two sides of the contract see.
var (
	// ErrAgain is what a call that must not wait returns when it would have to.
	ErrAgain = errors.New("lwan: nothing can be read or written now")
	// ErrPause is what Task.Wait returns when its limit has passed, and nothing is wrong.
	ErrPause = errors.New("lwan: nothing came")
	// ErrNotHere is what Raw, Hijack and Take wrap when the connection cannot be had: nothing has
	// left then, and something else may be answered. After any other error of theirs the connection
	// is over.
	ErrNotHere = errors.New("lwan: the connection cannot be taken")
	// ErrBadBody is what a BodyError unwraps to.
	ErrBadBody = errors.New("lwan: malformed body")
)

// BodyError is content whose framing is broken.
type BodyError struct {
	Status int    // to answer with: 400, or 413 and the like for framing over a limit
	Reason string // for the client
}

// Error describes the error for a log.
func (e *BodyError) Error() string { return e.Reason + ": " + ErrBadBody.Error() }

// Unwrap returns ErrBadBody.
func (e *BodyError) Unwrap() error { return ErrBadBody }
