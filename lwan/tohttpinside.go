package lwan

import (
	"context"
	"net/http"
	"strconv"
)

// What is different for a handler behind net/http middleware: fields that are there already, and
// the answer of one in FromHTTPMiddleware, which is not the last word.

// refuse answers what cannot be a request: the client's, or one that middleware has made.
func (c *httpCall) refuse(t *table) {
	status := http.StatusBadRequest
	if c.pass != nil {
		status = http.StatusInternalServerError
		t.core.log.Error("lwan: net/http middleware has passed on what is no request", "method", c.r.Method, "url", c.r.URL)
	}
	http.Error(c.w, strconv.Itoa(status)+" "+http.StatusText(status), status)
	c.leave()
}

// takeFields makes fields that middleware has set those of the response, so that a handler replaces
// or removes them as any others.
func (c *httpCall) takeFields() {
	for name, values := range c.w.Header() {
		if framing(name) || len(values) == 0 {
			continue
		}
		c.given = append(c.given, name)
		for _, v := range values {
			c.resp.AddHeader(name, v)
		}
	}
}

// finishInside gives the answer to middleware, as net/http handlers do: without a length that they
// would not have set, with the content of an answer to HEAD, which the server leaves out, and
// without a word if there is none.
func (c *httpCall) finishInside(resp *Response, st Status) {
	c.header(resp)
	if st == StatusOK && resp.bodyLen() == 0 && resp.ctype == "" && resp.length < 0 {
		delete(c.w.Header(), "Content-Type")
		return
	}
	if resp.length >= 0 && (c.req.method == "HEAD" || resp.length == int64(resp.bodyLen())) {
		c.w.Header().Set("Content-Length", strconv.FormatInt(resp.length, 10))
	}
	c.w.WriteHeader(int(st))
	if !st.bodyless() {
		resp.unsetText()
		resp.stick(c.stream(resp.body))
	}
}

// finishedInside ends the request of a handler in middleware: observers are told of the one
// outside.
func (c *httpCall) finishedInside() {
	c.end(context.Canceled)
	if c.pass.leave(c) {
		if c.aborted {
			c.pass.abort()
		}
		return
	}
	if c.resp.failure != nil { // nobody else will say it
		c.req.table.logFailure(&c.req, c.resp.failure, c.resp.failed)
	}
	c.over()
}
