package lwan

// hook is a function that was given to BeforeHead. It knows the Response that it was given to, and
// works on that one. Where a Blocking handler stands inside of others that run on the loop, the
// head may be another one's: the handler's own sends it and finds hooks of the middleware around
// it, or that one's sends it and finds hooks of the handler.
type hook struct {
	of *Response
	fn func(Status)
}

func (r *Response) runHooks(st Status) {
	done := false
	defer func() {
		if !done { // a hook has panicked, or ended the handler
			r.retreat()
		}
	}()
	for last := len(r.before) - 1; last >= 0; last = len(r.before) - 1 {
		fn := r.before[last]
		r.before[last] = hook{}
		r.before = r.before[:last]
		r.runHook(fn, st)
	}
	if len(r.filters) > 0 {
		r.install()
	}
	done = true
}

// runHook runs a hook, on the Response that it knows.
func (r *Response) runHook(h hook, st Status) {
	if h.of == r {
		h.fn(st)
		return
	}
	through := func() { r.through(h, st) }
	if r.req.beside == nil {
		through()
		return
	}
	if err := r.req.beside.onLoop(through); err != nil {
		r.stick(err)
	}
}

// through lets the Response of h stand for r, which nobody else uses meanwhile.
func (r *Response) through(h hook, st Status) {
	of, req := h.of, h.of.req
	mine := r.req
	of.response = r.response
	of.req = req
	if of.term != nil { // its handler has returned
		of.term.inherit()
		defer of.term.close()
	}
	returned := false
	defer func() {
		if !returned { // nobody may write where r does
			of.body, of.fields, of.trailers = nil, nil, nil
		}
	}()
	h.fn(st)
	returned = true
	r.response = of.response
	r.req = mine
}
