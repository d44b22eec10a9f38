//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"testing"
	"time"
)

// slowShelf makes a value when it is told to, unless its caller gives up.
type slowShelf struct{ made chan struct{} }

func (s slowShelf) Peek(string) (r slowRef, ok bool) { return r, false }

func (s slowShelf) Get(ctx context.Context, key string) (slowRef, error) {
	select {
	case <-s.made:
		return slowRef(key), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

type slowRef string

func (slowRef) Release() {}

// A client that has closed its side still gets values that are looked up for it, though the
// request's context has ended, and so have the waits that are for the client alone.
func TestHalfClosedClientOfCached(t *testing.T) {
	for name, mw := range modes {
		t.Run(name, func(t *testing.T) {
			srv := &Server{Loops: 1}
			src := slowShelf{make(chan struct{})}
			began := make(chan context.Context, 1)
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				began <- req.Context()
				ref, err := Cached(req, src, "value")
				if err != nil {
					return resp.Fail(err)
				}
				if err := req.Sleep(time.Minute); err != ErrGone {
					t.Errorf("Sleep: %v", err)
				}
				return resp.Text(200, string(ref))
			}, mw...)
			w := dial(t, serveTest(t, srv))
			w.send(get1("/"))
			ctx := received(t, began)
			w.closeWrite()
			<-ctx.Done()
			if cause := context.Cause(ctx); cause != ErrGone {
				t.Errorf("the context has ended with %v", cause)
			}
			close(src.made)
			w.want("GET", 200, "value")
		})
	}
}

// UnlessGone passes on what else ends a request.
func TestUnlessGone(t *testing.T) {
	for cause, ends := range map[error]bool{
		ErrGone: false, ErrTimeout: true, ErrStopping: true, context.Canceled: true,
	} {
		ctx, end := context.WithCancelCause(context.Background())
		other, cancel := UnlessGone(ctx)
		end(cause)
		select {
		case <-other.Done():
			if !ends || context.Cause(other) != cause {
				t.Errorf("%v: ended with %v", cause, context.Cause(other))
			}
		case <-time.After(
			map[bool]time.Duration{true: patience, false: 20 * time.Millisecond}[ends]):
			if ends {
				t.Errorf("%v: did not end", cause)
			}
		}
		cancel()
		<-other.Done()
	}
}
