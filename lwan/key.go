package lwan

import (
	"context"
	"fmt"
)

// Key carries a value of type T from middleware to handlers. The value shows in Request.Context as
// well. Make it with NewKey, once, as a package variable. Values that are pointers are stored
// without an allocation.
type Key[T any] struct{ id *keyID }

type keyID struct{ name string }

type keyValue struct {
	id    *keyID
	value any
}

// NewKey makes a key; the name is for messages, and need not be unique.
func NewKey[T any](name string) Key[T] { return Key[T]{&keyID{name}} }

// Set stores v with the request, in place of what was stored before.
func (k Key[T]) Set(req *Request, v T) { req.setValue(keyValue{k.id, v}) }

func (r *Request) setValue(kv keyValue) {
	if r.over() {
		return
	}
	if c := r.ctx.Load(); c != nil {
		c.set(kv)
	}
	for i := range r.values {
		if r.values[i].id == kv.id {
			r.values[i] = kv
			return
		}
	}
	r.values = append(r.values, kv)
}

// Get returns the request's value; false if none was set.
func (k Key[T]) Get(req *Request) (v T, ok bool) {
	for i := range req.values {
		if req.values[i].id == k.id {
			v, ok = req.values[i].value.(T)
			return v, ok
		}
	}
	return v, false
}

// Must is Get for handlers that cannot work without the value: it panics, which is answered with
// 500, if no middleware of the route has set the value.
func (k Key[T]) Must(req *Request) T {
	v, ok := k.Get(req)
	if !ok {
		panic(fmt.Errorf("lwan: %s is not set for %s: its middleware is missing",
			k.id.name, req.Pattern()))
	}
	return v
}

// From returns the value of the request that ctx belongs to, for code that only has the context.
func (k Key[T]) From(ctx context.Context) (T, bool) {
	v, ok := ctx.Value(k.id).(T)
	return v, ok
}
