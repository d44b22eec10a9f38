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

// onLoop runs fn on the loop, while the handler waits: hooks of middleware around a Blocking
// handler run there, as that does. The error is why it was not run, or not to its end.
func (a *aside) onLoop(fn func()) error {
	var panicked any
	err := a.call(func() error {
		on := a.host.on
		on.EnterUser(a.host.number())
		defer on.LeaveUser()
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
