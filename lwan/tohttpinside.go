package lwan

import (
	"context"
	"net/http"
	"strconv"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// What is different for a handler behind net/http middleware: fields that are there already, and
// the answer of one in FromHTTPMiddleware, which is not the last word.

// refuse answers what cannot be a request: the client's, or one that middleware has made.
func (c *httpCall) refuse() {
	status := http.StatusBadRequest
	if c.inside != nil {
		status = http.StatusInternalServerError
		c.log.Error("lwan: net/http middleware has passed on what is no request", "method", c.r.Method, "url", c.r.URL)
	}
	http.Error(c.w, strconv.Itoa(status)+" "+http.StatusText(status), status)
	c.leave()
}

// insideCall is the call of a handler inside of FromHTTPMiddleware.
type insideCall struct {
	pass *passage
	x    *exchange
	call *httpCall
	mute bool // nothing is to be said if no content comes
}

// head gives the head of a whole answer to middleware, as net/http handlers do: without a length that
// they would not have set, and without a word if there is no content.
func (i *insideCall) head(c *httpCall, a *transport.Answer) {
	i.mute = a.Status == http.StatusOK && a.Length < 0 && c.w.Header()["Content-Type"] == nil
	if !i.mute {
		c.w.WriteHeader(a.Status)
	}
}

// finished ends the request of a handler in middleware: observers are told of the one outside.
func (i *insideCall) finished(c *httpCall) {
	c.end(context.Canceled)
	if i.pass.leave(i) {
		if c.phase == callCut {
			i.pass.abort()
		}
		return
	}
	if resp := i.x.resp; resp.failure != nil { // nobody else will say it
		i.x.req.table.logFailure(i.x.req, resp.failure, resp.failed)
	}
	c.over()
}

// over ends it when its answer has left.
func (i *insideCall) over() { i.call.over() }

// writesAsOutside and readsAsOutside report whether the limits are those of the request outside.
func (i *insideCall) writesAsOutside() bool {
	return i.x.req.limits.Write == i.pass.limits.Write && i.x.req.writeBy.IsZero()
}

func (i *insideCall) readsAsOutside() bool {
	return i.x.req.limits.Read == i.pass.limits.Read && i.x.req.readBy.IsZero()
}
