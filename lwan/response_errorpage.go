package lwan

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/template"
)

const (
	plainType = "text/plain"
	htmlType  = "text/html"
)

// errorPage fills the body of an error answer that has none, in the form that the client's Accept
// asks for: text for a terminal, HTML for a browser, JSON for a program. It says what
// Response.Error, or the *Error that Response.Fail was told, has for the client, and never the text
// of another error.
func (c *core) errorPage(req *Request, resp *Response, st Status) {
	resp.text, resp.body = "", resp.body[:0]
	resp.DelHeader("Content-Length") // these described the body that did not come
	resp.DelHeader("Content-Encoding")
	// a cache may keep an error, as 404 or 410 (RFC 9110 sections 12.5.5 and 15.1)
	if !varies(resp, "Accept") {
		resp.AddHeader("Vary", "Accept")
	}
	info := newErrorInfo(resp, st)
	var err error
	switch message.Accepts(req.headerView("Accept"), plainType, htmlType, typeJSON) {
	case htmlType:
		resp.ctype = typeHTML
		err = info.writeHTML((*heldBody)(resp), req)
	case typeJSON:
		resp.ctype = typeJSON
		err = info.writeJSON((*heldBody)(resp))
	default:
		// also when nothing is acceptable: better than no explanation (RFC 9110 section 12.4.1)
		info.setText(resp)
	}
	if err != nil {
		req.ownLog().Error("the error page cannot be made", "status", int(st), "err", err)
		info.setText(resp)
	}
}

// heldBody writes to the body that is held back, however large it gets: Response.Write would begin
// to stream.
type heldBody Response

func (b *heldBody) Write(p []byte) (int, error) {
	hold((*Response)(b), p)
	return len(p), nil
}

// varies reports whether a Vary field of the response names that request field.
func varies(resp *Response, name string) bool {
	for _, f := range resp.fields {
		if !strings.EqualFold(f.Name, "Vary") {
			continue
		}
		for element := range strings.SplitSeq(f.Value, ",") {
			if e := strings.TrimSpace(element); e == "*" || strings.EqualFold(e, name) {
				return true
			}
		}
	}
	return false
}

// errorInfo is what an error page says.
type errorInfo struct {
	Status  int               `json:"status"`
	Text    string            `json:"error"`
	Message string            `json:"message,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
}

// Message is what the client is to be told of an error, for Server.ErrorPage: what Error was given,
// or Message of the *Error that Fail was told, or what is wrong with a request that cannot be read.
// It is "" if there is no message, or if the answer has another status than the failure, since
// middleware wants to hide it.
func (r *Response) Message() string {
	r.mustLive()
	st := r.failed
	if r.paged {
		st = r.intended
	}
	return newErrorInfo(r, st).Message
}

// newErrorInfo collects what the client may be told. The *Error of a failure counts only while its
// status is the answer's: middleware that makes something else of it means to hide it.
func newErrorInfo(resp *Response, st Status) errorInfo {
	info := errorInfo{Status: int(st), Text: st.Text(), Message: resp.message}
	if e, ok := errors.AsType[*Error](resp.failure); ok && resp.failed == st {
		info.Fields = e.Fields
		if e.Message != "" {
			info.Message = e.Message
		}
	}
	return info
}

// title is the status with its text: "404 Not Found".
func (e *errorInfo) title() string {
	return strings.TrimSpace(strconv.Itoa(e.Status) + " " + e.Text)
}

// setText makes the body plain text, a fact a line.
func (e *errorInfo) setText(resp *Response) {
	resp.ctype = typeText
	b := append(append(resp.body[:0], e.title()...), '\n')
	if e.Message != "" {
		b = append(append(b, e.Message...), '\n')
	}
	for _, p := range e.problems() {
		b = append(append(append(append(b, p.Field...), ": "...), p.Text...), '\n')
	}
	resp.body = b
}

func (e *errorInfo) writeJSON(w io.Writer) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// problem is an entry of Fields, for the template.
type problem struct{ Field, Text string }

// problems is Fields in the order of the names.
func (e *errorInfo) problems() []problem {
	list := make([]problem, 0, len(e.Fields))
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		list = append(list, problem{name, e.Fields[name]})
	}
	return list
}

// errorPage is the data of the page for browsers.
type errorPage struct {
	Title, Message, Path string
	Problems             []problem
}

func (e *errorInfo) writeHTML(w io.Writer, req *Request) error {
	page := errorPage{Title: e.title(), Message: e.Message, Problems: e.problems()}
	if e.Status == int(StatusNotFound) {
		page.Path = req.Path()
	}
	return errorTemplate().Render(w, page)
}

// errorTemplate is the page for browsers. It loads nothing else: no script, no image, no font. It
// is compiled when it is first needed: most programs start without it.
var errorTemplate = sync.OnceValue(func() *template.Template[errorPage] {
	return template.Must(template.Compile[errorPage]("error", errorSource, template.Set{}))
})

const errorSource = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{{Title}}</title>
<style>
:root { color-scheme: light dark }
body { margin: 18vh auto 2em; max-width: 36em; padding: 0 1.5em;
  font: 1.05em/1.6 system-ui, sans-serif; color: #24292f; background: #fbfbfa }
h1 { margin: 0 0 .6em; font-size: 1.9em; font-weight: 600; line-height: 1.2 }
p, dl { margin: .5em 0; overflow-wrap: anywhere }
code { font: .95em ui-monospace, monospace; padding: .1em .35em; border-radius: .25em;
  background: #8882 }
dt { font-weight: 600 }
dd { margin: 0 0 .4em 1.2em }
@media (prefers-color-scheme: dark) { body { color: #d7dbe0; background: #17191c } }
</style>
</head>
<body>
<main>
<h1>{{Title}}</h1>
{{#Path}}
<p><code>{{Path}}</code></p>
{{/Path}}
{{#Message}}
<p>{{Message}}</p>
{{/Message}}
{{#Problems}}
<dl><dt>{{Field}}</dt><dd>{{Text}}</dd></dl>
{{/Problems}}
</main>
</body>
</html>
`

// escapeHTML makes s text of an HTML page: content, or an attribute's value in quotes.
func escapeHTML(s string) string { return html.EscapeString(s) }
