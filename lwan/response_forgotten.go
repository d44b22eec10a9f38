package lwan

// A finishing method returns the status that it was given, and the handler returns that. One that
// goes on instead, because a return is missing, is found by the status that it returns in the end.

// finishing begins an answer with status st in place of what there is.
func (r *Response) finishing(st Status) {
	r.replace()
	if r.given != 0 && r.given != st {
		r.strayed = r.given
	}
	r.given, r.intended = st, st
}

// returned logs, once for each route, that a finishing method of the handler, or of middleware
// before it, was given another status than the answer has: the one that the handler has returned,
// or that has left already.
func (r *Response) returned(st Status) {
	if r.state.headOut() {
		st = r.status
	}
	given := r.given
	if r.strayed != 0 && r.strayed != st {
		given = r.strayed
	}
	r.given, r.strayed = 0, 0
	if given == st || !r.req.firstForgotten() {
		return
	}
	r.req.ownLog().
		Error("a handler finished with one status and returned another: is a return missing?",
			"route", r.req.where(), "status", int(st), "finished", int(given))
}

// firstForgotten reports whether this is the first missing return that is found in the route: the
// log says it once, as clients may ask for the route as often as they like.
func (r *Request) firstForgotten() bool {
	forgot := &r.table.core.forgot
	if r.route != nil {
		forgot = &r.route.forgot
	}
	return forgot.CompareAndSwap(false, true)
}

// unredirect takes back what Redirect has made of an answer that gets another status.
func (r *Response) unredirect(st Status) {
	if r.redirected == 0 || r.redirected == st || r.state.headOut() {
		return
	}
	r.DelHeader("Location")
	if r.link > 0 && r.whole() {
		r.body = r.body[:copy(r.body, r.body[r.link:])]
		r.dropLink()
	}
}

// dropLink forgets the page of Redirect, which is no part of body any more.
func (r *Response) dropLink() {
	if r.link > 0 && r.ctype == typeHTML {
		r.ctype = ""
	}
	r.link = 0
}
