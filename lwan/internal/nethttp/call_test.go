package nethttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// exchange is one that a test writes the handler of. It keeps the order of its calls.
type exchange struct {
	by     transport.Stream
	on     transport.Task
	run    func(by transport.Stream, on transport.Task)
	calls  []string
	cancel error
	exits  bool // the first End ends the goroutine
}

func (x *exchange) Begin(by transport.Stream, on transport.Task, _ *message.Head, _ []byte) {
	x.by, x.on = by, on
	x.calls = append(x.calls, "Begin")
}

func (x *exchange) Run() {
	x.calls = append(x.calls, "Run")
	x.run(x.by, x.on)
}

func (x *exchange) Died(transport.Task, any, []byte) {
	x.calls = append(x.calls, "Died")
	x.by.Cut()
}

func (x *exchange) End() {
	x.calls = append(x.calls, "End")
	if x.exits { // as something that waits for the end may
		x.exits = false
		runtime.Goexit()
	}
}

func (x *exchange) Cancel(cause error)           { x.cancel = cause }
func (x *exchange) Refuse(int, string)           {}
func (x *exchange) Move([]byte) bool             { return true }
func (x *exchange) Shrink()                      {}
func (x *exchange) Pauses() (r, w time.Duration) { return 0, 0 }
func (x *exchange) Left() (time.Duration, bool)  { return 0, false }
func (x *exchange) Drain() (ends bool)           { return false }
func (x *exchange) did(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(x.calls, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// serveBeside serves one request on a goroutine that may be ended.
func serveBeside(x *exchange) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(x, httptest.NewRequest("GET", "/", nil), nil)
	}()
	<-done
}

// serve serves one request, and says what it panicked with.
func serve(x *exchange, r *http.Request, outer Outer) (w *httptest.ResponseRecorder, died any) {
	w = httptest.NewRecorder()
	defer func() { died = recover() }()
	linger := func() Linger { return Linger{Pause: time.Millisecond} }
	New(w, r, Config{Exchange: x, Linger: linger, Outer: outer}).Serve()
	return w, nil
}

func answer(status int, length int64) *transport.Answer {
	fields := func(yield func(name, value string) bool) { yield("X-Own", "1") }
	return &transport.Answer{Status: status, Fields: fields, Length: length, Content: true}
}

// TestAnswerPhases: each call is good for one phase of the answer, and refuses or does nothing in
// the others.
func TestAnswerPhases(t *testing.T) {
	var errs []error
	x := &exchange{run: func(by transport.Stream, _ transport.Task) {
		_, _, err := by.Hijack()
		_, _, _, taken := by.Take(answer(200, transport.Unknown), nil)
		errs = append(errs, err, taken)
		for range 2 {
			errs = append(errs, by.Head(answer(201, transport.Unknown)))
		}
		errs = append(errs, by.Write([]byte("body")), by.Flush())
		for range 2 {
			errs = append(errs, by.Close(nil))
		}
		errs = append(errs, by.Head(answer(202, 0)))
	}}
	w, died := serve(x, httptest.NewRequest("GET", "/", nil), nil)
	want := []error{
		transport.ErrNotHere, transport.ErrNotHere, nil, transport.ErrOver, nil, nil,
		nil, transport.ErrOver, transport.ErrOver,
	}
	if !slices.EqualFunc(errs, want, func(got, want error) bool { return errors.Is(got, want) }) {
		t.Errorf("%v, want %v", errs, want)
	}
	if w.Code != 201 || w.Body.String() != "body" || w.Header().Get("X-Own") != "1" || died != nil {
		t.Errorf("%d %v %q, %v", w.Code, w.Header(), w.Body, died)
	}
	x.did(t, "Begin Run End")
}

// TestEndOfHandler: a cut answer is net/http's to abort, after the end; a handler that ends by
// Goexit has died.
func TestEndOfHandler(t *testing.T) {
	x := &exchange{run: func(by transport.Stream, _ transport.Task) { by.Cut() }}
	_, died := serve(x, httptest.NewRequest("GET", "/", nil), nil)
	if died != http.ErrAbortHandler {
		t.Errorf("panicked with %v", died)
	}
	x.did(t, "Begin Run End")

	x = &exchange{run: func(transport.Stream, transport.Task) { runtime.Goexit() }}
	serveBeside(x)
	x.did(t, "Begin Run Died End")

	x = &exchange{run: func(by transport.Stream, _ transport.Task) { by.Cut() }, exits: true}
	serveBeside(x)
	x.did(t, "Begin Run End End")
	if x.cancel != context.Canceled {
		t.Errorf("what waits for the end is told %v", x.cancel)
	}
}

// TestCauses: what has ended the request's context ends what it waits for, under the name that the
// contract has for it.
func TestCauses(t *testing.T) {
	for cause, want := range map[error]error{
		context.Canceled:         transport.ErrGone,
		context.DeadlineExceeded: transport.ErrTimeout,
		transport.ErrStopping:    transport.ErrStopping,
		transport.ErrTimeout:     transport.ErrTimeout,
		io.ErrClosedPipe:         transport.ErrGone,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		x := &exchange{run: func(_ transport.Stream, on transport.Task) {
			if !on.Mine() || on.Inline() {
				t.Error("the handler is not run by this goroutine")
			}
			cancel(cause)
			if err := on.Sleep(time.Hour); err != want {
				t.Errorf("%v ends sleep with %v, want %v", cause, err, want)
			}
			err := on.Wait(func(func()) {}, 0, transport.Killed)
			if err != want {
				t.Errorf("%v ends a wait with %v, want %v", cause, err, want)
			}
		}}
		serve(x, httptest.NewRequestWithContext(ctx, "GET", "/", nil), nil)
		if x.cancel != want {
			t.Errorf("the exchange is told %v, want %v", x.cancel, want)
		}
	}
}

// outside keeps the request inside, or does not.
type outside struct{ keeps, cut bool }

func (o *outside) ReadsAsOutside() bool  { return true }
func (o *outside) WritesAsOutside() bool { return true }
func (o *outside) Abandon()              {}
func (o *outside) Keep(cut bool) bool    { o.cut = cut; return o.keeps }

// TestInsideOfMiddleware: whoever keeps a request inside ends it later; a cut is for it to tell.
func TestInsideOfMiddleware(t *testing.T) {
	for keeps, want := range map[bool]string{true: "Begin Run", false: "Begin Run End"} {
		x := &exchange{run: func(by transport.Stream, _ transport.Task) { by.Cut() }}
		out := &outside{keeps: keeps}
		if _, died := serve(x, httptest.NewRequest("GET", "/", nil), out); died != nil || !out.cut {
			t.Errorf("panicked with %v, cut is %v", died, out.cut)
		}
		x.did(t, want)
		if keeps {
			x.by.(*Call).Over()
			x.did(t, "Begin Run End")
		}
	}
}

// TestNoRequest: what middleware has made of a request is refused if it is none.
func TestNoRequest(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Method = "NO METHOD"
	x := &exchange{}
	if w, _ := serve(x, r, nil); w.Code != 400 {
		t.Errorf("%d", w.Code)
	}
	x.did(t, "")
}
