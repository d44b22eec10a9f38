package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// answer passes on what the member has answered.
func (x *passage) answer() lwan.Status {
	a := &x.reply
	if a.Status == 101 {
		return x.switched()
	}
	if x.verdict == nothing { // else it has one of Retry.On
		x.verdict = well
	}
	if x.g.Accel {
		if to := a.Header("X-Accel-Redirect"); to != "" {
			return x.redirected(to)
		}
	}
	if len(x.g.files) > 0 {
		if name := a.Header("X-Sendfile"); name != "" {
			return x.sendFile(name)
		}
	}
	if a.Status >= 400 && (slices.Contains(x.g.Intercept, a.Status) ||
		slices.Contains(x.g.Intercept, 0)) {
		return x.intercepted()
	}
	x.fields()
	if x.g.Response != nil {
		x.g.Response(x.req, x.resp)
	}
	return x.pass()
}

// elsewhere takes a place at another member, if the answer is one that is not wanted; if there is
// none, it is passed on after all.
func (x *passage) elsewhere() bool {
	st := x.reply.Status
	x.pick.status[st/100%6].Add(1)
	if !slices.Contains(x.g.pool.group.Retry.On, st) {
		return false
	}
	x.blame(unwanted)
	x.try.since = time.Since(x.began)
	p := x.g.pool
	if p.group.Retry.after(unwanted, &x.try) != nextPaid {
		return false
	}
	w := x.wish
	w.been = append(w.been, x.pick.member)
	k, ok := p.try(&w)
	if !ok {
		return false
	}
	if !p.budget.retry(p.now()) {
		p.release(k, nothing)
		return false
	}
	x.moveOn()
	x.pick = k
	x.try.members++
	x.try.renewed, x.fresh = false, false
	return true
}

// fields copies the answer's fields, as far as they are for clients.
func (x *passage) fields() {
	at := place{backend: x.pick.name, asked: x.asked}
	for name, value := range x.reply.Headers() {
		switch len(name) {
		case 7, 8, 10, 16:
			value = x.mapped(name, value, &at)
		}
		x.resp.AddHeader(name, value)
	}
	if n := x.reply.ContentLength; n >= 0 && x.reply.Status != 204 && x.reply.Status != 304 {
		x.resp.SetHeader("Content-Length", strconv.FormatInt(n, 10))
	}
	x.stick()
}

// mapped changes a place that a field names.
func (x *passage) mapped(name, value string, at *place) string {
	if at.scheme == "" {
		at.host, at.scheme = x.req.Host(), x.req.Scheme()
	}
	switch {
	case strings.EqualFold(name, "Refresh"):
		return x.g.maps.refresh(value, at)
	case strings.EqualFold(name, "Location"), strings.EqualFold(name, "Content-Location"):
		return x.g.maps.location(value, at)
	case strings.EqualFold(name, "Set-Cookie"):
		return x.g.maps.cookie(value)
	}
	return value
}

// stick tells the client which member it has got, if the group is sticky and it does not know.
func (x *passage) stick() {
	name := x.g.pool.group.Cookie
	if name == "" || x.wish.mark == x.pick.mark {
		return
	}
	x.resp.SetCookie(&http.Cookie{
		Name: name, Value: x.pick.mark, Path: "/", HttpOnly: true,
		Secure: x.req.Scheme() == "https", SameSite: http.SameSiteLaxMode,
	})
}

// pass passes on the content, and ends the passage.
func (x *passage) pass() lwan.Status {
	a, resp := &x.reply, x.resp
	if _, end := a.Body().Read(nil); end != io.EOF {
		if err := x.copyBody(a.Body()); err != nil {
			return x.cut(err)
		}
	}
	x.whole = true
	for name, value := range a.Trailers() {
		resp.SetTrailer(name, value)
	}
	x.keep()
	if x.copied > 0 || a.Status < 400 || x.try.method == "HEAD" {
		return a.Status
	}
	return x.empty()
}

// empty sends an answer for which the server would make an error page, as empty as it is.
func (x *passage) empty() lwan.Status {
	x.resp.SetHeader("Content-Length", "0")
	if err := x.resp.SendHead(x.reply.Status); err != nil {
		return x.resp.Fail(err)
	}
	return 200 // it ends properly
}

// cut ends an answer whose content is not all there, so that the client sees it.
func (x *passage) cut(err error) lwan.Status {
	if ofBackend(err) {
		what := broken
		if errors.Is(err, os.ErrDeadlineExceeded) {
			what = slow
		}
		x.blame(what)
		err = fmt.Errorf("the answer is cut: %w", err)
		if !x.resp.HeadSent() {
			_ = x.resp.SendHead(x.reply.Status) // Fail knows of a client that has left
		}
		return x.resp.Fail(x.g.pool.failure(x.pick.member, err))
	}
	return x.resp.Fail(err)
}

// keep gives the connection back, where it can be used again.
func (x *passage) keep() {
	c := x.conn
	if x.partly || !x.g.speaks.keep(x) {
		return
	}
	x.conn = nil
	if d := keptFor(x.reply.Header("Keep-Alive")); d > 0 {
		c.KeepFor(d)
		return
	}
	c.Keep()
}

// keptFor is how long a kept connection may rest, by a Keep-Alive field: a second less than the
// backend says, so that its end does not meet a request; 0: it does not say.
func keptFor(field string) time.Duration {
	for part := range strings.SplitSeq(field, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(name, "timeout") {
			continue
		}
		n, err := strconv.Atoi(value)
		switch {
		case err != nil || n < 0 || n > 86400:
			return 0
		case n <= 1:
			return time.Second / 2
		}
		return time.Duration(n-1) * time.Second
	}
	return 0
}

// intercepted answers with the server's error page.
func (x *passage) intercepted() lwan.Status {
	for _, name := range []string{"WWW-Authenticate", "Retry-After", "Allow"} {
		if v := x.reply.Header(name); v != "" {
			x.resp.SetHeader(name, v)
		}
	}
	return x.reply.Status
}

// ofFile are the fields of an answer that count for what is sent in its place.
var ofFile = []string{"Content-Type", "Content-Disposition", "Cache-Control", "Expires"}

// redirected answers with what the server has at another path, for GET whatever the method was: the
// backend has had the content, and its answer is that to the method.
func (x *passage) redirected(to string) lwan.Status {
	req, resp := x.req, x.resp
	at := place{backend: x.pick.name, asked: x.asked}
	var said []pair
	for name, value := range x.reply.Headers() {
		switch {
		case strings.EqualFold(name, "Set-Cookie"):
			resp.AddHeader(name, x.mapped(name, value, &at))
		case slices.ContainsFunc(ofFile, func(f string) bool { return strings.EqualFold(f, name) }):
			said = append(said, pair{name, value})
		}
	}
	resp.BeforeHead(func(st lwan.Status) { // behind who sends the file
		if st == 200 || st == 206 || st == 304 {
			describe(resp, st, said)
		}
	})
	x.drop() // the backend is free while the file is sent
	x.forget()
	return req.RerouteGet(resp, to)
}

// describe sets fields of a file, which are known better by who has named it. Several parts of one
// have their types inside, and what has not changed has none.
func describe(resp *lwan.Response, st lwan.Status, said []pair) {
	typed := st != 304 && !strings.HasPrefix(resp.Header("Content-Type"), "multipart/byteranges")
	for i, f := range said {
		same := func(o pair) bool { return strings.EqualFold(o.from, f.from) }
		switch {
		case !typed && strings.EqualFold(f.from, "Content-Type"):
		case slices.ContainsFunc(said[:i], same): // a list on several lines
			resp.AddHeader(f.from, f.to)
		default:
			resp.SetHeader(f.from, f.to)
		}
	}
}
