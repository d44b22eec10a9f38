package lwan

import (
	"errors"
	"io"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Finishing methods return the status, so that a handler ends with them: return resp.Text(200,
// "hello").

const (
	typeText = "text/plain; charset=utf-8"
	typeHTML = "text/html; charset=utf-8"
	typeJSON = "application/json"
)

// Text answers s as text/plain in UTF-8, unless a content type was set.
func (r *Response) Text(st Status, s string) Status {
	r.mustLive()
	r.finishing(st)
	if r.ctype == "" {
		r.ctype = typeText
	}
	if !r.whole() {
		r.WriteString(s)
		return st
	}
	hold(r, s) // a copy, so that s need not be on the heap
	return st
}

// Data answers b with that content type. b is copied.
func (r *Response) Data(st Status, contentType string, b []byte) Status {
	r.mustLive()
	r.finishing(st)
	r.SetContentType(contentType)
	r.Write(b) // an error sticks and is found at the end
	return st
}

// replace drops what is held back of the body.
func (r *Response) replace() {
	if !r.whole() {
		return
	}
	r.text, r.body = "", r.body[:0]
	r.dropLink()
}

// unanswer drops what was answered so far, but for the fields: something else is asked for.
func (r *Response) unanswer() {
	r.unredirect(0)
	r.replace()
	r.ctype, r.length, r.message = "", -1, ""
	r.failure, r.failed, r.refailed = nil, 0, false
	r.given, r.strayed, r.intended = 0, 0, 0
}

// JSON answers v, encoded by Server.JSON, as application/json unless a content type was set. If v
// cannot be encoded the answer is 500, through Fail.
func (r *Response) JSON(st Status, v any) Status {
	r.mustLive()
	r.finishing(st)
	if r.ctype == "" {
		r.ctype = typeJSON
	}
	if err := r.req.table.core.json.Encode(r, v); err != nil {
		r.replace()
		return r.Fail(err)
	}
	return st
}

// Renderable is what Render writes: a template with its data.
type Renderable interface {
	ContentType() string
	RenderTo(w io.Writer) error
}

// Render answers what v renders: resp.Render(200, page.With(data)), as of v's type unless a content
// type was set. It renders where the handler runs: data that waits for a database wants a Blocking
// one. An error is answered with 500, through Fail, as long as nothing was sent.
func (r *Response) Render(st Status, v Renderable) Status {
	r.mustLive()
	r.finishing(st)
	if r.ctype == "" {
		r.SetContentType(v.ContentType())
	}
	if err := v.RenderTo(r); err != nil {
		r.replace()
		return r.Fail(err)
	}
	return st
}

// Redirect answers with Location: target. st is 301, 302, 303, 307 or 308; target is a URI
// reference (RFC 9110 section 10.2.2). What a URI may not contain is percent-encoded. GET answers
// get a short page with the link.
//
// A target that begins with a slash is a path of this host, also if a parameter makes a second
// slash of it: "//x" is sent as "/.//x", and to send the client to another host takes a scheme.
//
// Location and page belong to this status: if the answer gets another one, as by a forgotten
// return, they are not sent.
func (r *Response) Redirect(st Status, target string) Status {
	r.mustLive()
	// which would be read as an authority (RFC 3986 section 4.2)
	if strings.HasPrefix(target, "//") {
		target = "/." + target
	}
	target = message.EscapeReference(target)
	r.SetHeader("Location", target)
	r.finishing(st)
	r.redirected = st
	if m := r.req.method; (m == "GET" || m == "HEAD") && r.ctype == "" && st != StatusNotModified {
		r.ctype = typeHTML
		page := `<a href="` + escapeHTML(target) + `">` + st.Text() + "</a>.\n"
		if r.whole() {
			r.link = len(page)
		}
		r.WriteString(page)
	}
	return st
}

// Error answers with the error page of st and a message for the client, which Server.ErrorPage gets
// by Message.
func (r *Response) Error(st Status, msg string) Status {
	r.mustLive()
	r.finishing(st)
	r.message = msg
	return st
}

// Fail turns err into a status and keeps it as Err, for middleware and for the log: a line once the
// request is over, of level Error for 5xx, Debug for 4xx, none for a client that left. The status
// is what a StatusCode() int in err's tree says; else what Server.ErrorStatus says; else what is
// known of context's, io/fs's and this package's errors; else 500. The client sees Message and
// Fields of an *Error and never err's text.
//
// Fail is sticky. A handler that returns a status below 400 after it has forgotten a return: the
// failure is sent all the same and the route logged, unless Reset was called. In BeforeHead and in
// a Filter the failure takes the place of the answer, as long as nothing was sent; then the answer
// is cut. Once it has ended, Fail writes a line to the log and changes nothing.
func (r *Response) Fail(err error) Status {
	r.mustLive()
	if err == nil {
		err = &Error{Status: StatusInternalServerError, Message: "", Err: errNilFailure}
	}
	// it is complete
	if r.state == answerStreaming && r.req.method == "HEAD" && errors.Is(err, ErrBodyNotAllowed) {
		return r.status
	}
	if r.state.over() {
		r.req.ownLog().Error("Fail was called after the answer's end",
			"route", r.req.where(), "err", err)
		return r.req.table.core.srv.statusOf(err)
	}
	r.failure, r.refailed = err, true
	r.failed = r.req.table.core.srv.statusOf(err)
	r.message = ""            // of an Error before it
	r.given, r.strayed = 0, 0 // it takes the place of what was to be answered
	if r.whole() {
		r.replace()
		r.ctype = ""
	}
	if r.failed == StatusUnavailable && r.Header("Retry-After") == "" {
		r.SetHeader("Retry-After", "1")
	}
	return r.failed
}

// NotFound answers 404. api.Handle("/", lwan.NotFound) keeps a catch-all route of the site out of
// /api/, and acts as if no route was there: a path that has routes for other methods is answered
// with 405 or, to OPTIONS, with their list.
func NotFound(req *Request, resp *Response) Status { return StatusNotFound }

// redirectPath answers a path that has to be written differently, with the query as it was. target
// is escaped.
func (r *Response) redirectPath(target string) Status {
	if query, has := r.req.rawQuery(); has {
		target += "?" + string(message.AppendTarget(nil, query))
	}
	return r.Redirect(StatusTemporaryRedirect, target)
}
