package lwan

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// RerouteError asks another route for the page of an error, as Reroute does, and returns st, which
// stays the answer's status: for middleware that has got it from inside.
//
//	if st := next(req, resp); st >= 400 && len(resp.BodyBytes()) == 0 {
//		return req.RerouteError(resp, st, "/errors/404.html")
//	}
//
// The route is asked with GET, or HEAD if that was the request's method, without content, and
// without fields that ask for a part, or for what has changed. Its answer counts if it has status 200; then the page
// has no validators, and may be kept no longer than the error itself says. Else the page is the one
// that the server makes, and the log says why. Err, and so the log, is that of the error.
// Afterwards the request is what it was. It does nothing within itself, once the head has left, and
// for an answer that has a page already. The reroutes of the request do not count.
func (r *Request) RerouteError(resp *Response, st Status, target string) Status {
	r.mustLive()
	if st < 400 || st == StatusClientGone || resp.forced != 0 || resp.shown != 0 || !resp.whole() {
		return st
	}
	before := r.detour
	r.detour = nil // its own reroutes are counted
	d, err := r.divert(target)
	r.detour = before
	if err == nil {
		err = r.withoutConditions()
	}
	if err != nil {
		r.pageFailed(st, target, err)
		return st
	}
	was := r.leaveFor(resp, d)
	resp.forced = st
	got := r.goOn(resp)
	resp.forced = 0
	return was.comeBack(r, resp, st, got, target)
}

// conditional are the fields that make an answer something else than the whole.
var conditional = []string{
	"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
}

func (r *Request) withoutConditions() error {
	for _, name := range conditional {
		if err := r.DelHeader(name); err != nil {
			return err
		}
	}
	return nil
}

// errorAt is what a request and its answer were when a route was asked for the page of an error.
type errorAt struct {
	gets    func() // ends that
	table   *table
	route   *route
	detour  *detour
	missed  Status
	limits  Limits
	fields  []transport.Field
	message string
	failure error
	failed  Status
}

// ofPage are fields of a page that are not true of the error.
var ofPage = []string{"ETag", "Last-Modified", "Accept-Ranges", "Cache-Control", "Expires"}

// leaveFor makes the request one for a page.
func (r *Request) leaveFor(resp *Response, d *detour) *errorAt {
	was := &errorAt{
		table: r.table, route: r.route, detour: r.detour, missed: r.missed,
		limits: r.limits, fields: slices.Clone(resp.fields), message: resp.message,
		failure: resp.failure, failed: resp.failed,
	}
	resp.unanswer()
	resp.BeforeHead(func(Status) {
		if resp.forced != 0 || resp.shown != 0 {
			was.restore(resp)
		}
	})
	was.gets = r.gets()
	r.follow(d)
	return was
}

// restore gives fields of the page back the values that the error has.
func (was *errorAt) restore(resp *Response) {
	for _, name := range ofPage {
		resp.DelHeader(name)
		for _, f := range was.fields {
			if strings.EqualFold(f.Name, name) {
				resp.AddHeader(f.Name, f.Value)
			}
		}
	}
}

// comeBack makes the request again what it was; got is what the page's route has returned.
func (was *errorAt) comeBack(r *Request, resp *Response, st, got Status, target string) Status {
	was.gets()
	r.table, r.limits = was.table, was.limits
	r.comeFrom(was)
	switch {
	case resp.state.headOut() && resp.status == st && resp.failed == 0 && got < 300,
		!resp.state.headOut() && got == StatusOK && resp.failed == 0:
		resp.shown, resp.intended = st, st
	case resp.state.headOut(): // the page has broken off
		resp.intended = 0
		return max(got, StatusBadRequest)
	default:
		err := resp.failure
		if err == nil {
			err = fmt.Errorf("lwan: the answer has status %d", int(got))
		}
		r.pageFailed(st, target, err)
		resp.unanswer()
		resp.fields = append(resp.fields[:0], was.fields...)
	}
	resp.failure, resp.failed, resp.message = was.failure, was.failed, was.message
	return st
}

// comeFrom makes route and path those of before a detour.
func (r *Request) comeFrom(was *errorAt) {
	r.follow(was.detour)
	r.missed = was.missed
	if r.hasPath() && was.detour == nil {
		r.cleanPath(r.resp)
	}
	if was.route == nil || was.table.handler != nil {
		r.route = was.route
		return
	}
	// the same route again, since the parameters are those of the page's
	_, r.result = was.table.router.Find(r.method, alias(r.head.Authority.Of(r.buf)), r.path, &r.params)
	r.route = was.route
}

// pageFailed logs that there is no page, once in a while for each.
func (r *Request) pageFailed(st Status, target string, err error) {
	r.table.core.repeats.Say(r.ownLog(), "error page "+target, slog.LevelError,
		"no page of an error", "page", target, "status", int(st), "route", r.where(), "err", err)
}
