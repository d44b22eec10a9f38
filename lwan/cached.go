package lwan

import "context"

// Cached looks key up in src, a cache of package cache or anything like it: at once if it is there,
// and else by a goroutine that fills it while the handler is parked. The reference is released when
// the request is over, after the last byte of the answer: what it holds may be part of the body
// until then. See Await for the errors beside Get's. A client that has closed its side is still
// answered: see UnlessGone.
//
//	ref, err := lwan.Cached(req, pages, "index")
//	if err != nil {
//		return resp.Fail(err)
//	}
//	return resp.Data(200, "text/html", ref.Value().Body)
func Cached[K any, R interface{ Release() }](req *Request, src interface {
	Peek(K) (R, bool)
	Get(context.Context, K) (R, error)
}, key K) (R, error) {
	ref, ok := src.Peek(key)
	if !ok {
		var err error
		ref, err = Await(req, func(ctx context.Context) (R, error) {
			ctx, cancel := UnlessGone(ctx)
			defer cancel()
			return src.Get(ctx, key)
		})
		if err != nil {
			var none R
			return none, err
		}
	}
	req.Defer(ref.Release)
	return ref, nil
}
