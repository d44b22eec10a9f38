package lwan

import "context"

// UnlessGone returns a context that ends as ctx does, which is a request's, but not because the
// client has closed its side. A client may do that as soon as it has sent its request, and still
// wants the answer (RFC 9112 section 9.6); whether it has closed the other side too is not known
// before something is written. It is for look-ups that take a bounded time and whose result others
// can use: Cached asks its cache with it. cancel gives back what the context holds.
//
// Context itself ends then, as net/http's does, and so do Sleep, Every, Queue and streams without
// an end: for those a client that says nothing more is one that has left.
func UnlessGone(ctx context.Context) (_ context.Context, cancel context.CancelFunc) {
	other, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); cause != ErrGone {
			end(cause)
		}
	})
	return other, func() {
		stop()
		end(context.Canceled)
	}
}
