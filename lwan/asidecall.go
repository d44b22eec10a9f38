//go:build linux && !golwan_nethttp

package lwan

// call lets the worker do op behind what was written so far, and waits for it.
func (a *aside) call(op func() error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.op != nil && a.refusal() == nil { // another goroutine's
		a.news.Wait()
	}
	if err := a.refusal(); err != nil {
		return err
	}
	var err error
	done := false
	a.op = func() {
		result := op()
		a.mu.Lock()
		defer a.mu.Unlock()
		err, done, a.op = result, true, nil
		a.news.Broadcast()
	}
	a.ring()
	for !done {
		if a.over || a.deserted {
			return a.refusal()
		}
		a.news.Wait()
	}
	return err
}

var _ hookHost = (*aside)(nil)

// outside implements hookHost: hooks of middleware around a Blocking handler run on the loop, as that
// does, while the handler waits.
func (a *aside) outside(fn func()) error {
	var panicked any
	err := a.call(func() error {
		h := a.host
		h.entered(h.req.route)
		defer h.returned()
		defer func() {
			if v := recover(); v != nil {
				panicked = newPanicError(v)
			}
		}()
		fn()
		return nil
	})
	if err == nil && panicked != nil {
		panic(panicked)
	}
	return err
}

// desert tells the goroutine that its worker has died: nobody does anything for it any more.
func (a *aside) desert() {
	a.mu.Lock()
	a.deserted = true
	a.mu.Unlock()
	a.fail(ErrGone)
}
