package contract

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Request is one request together with the answer that counts as right.
type Request struct {
	Method string
	Target string // in origin form (RFC 9112, section 3.2.1)
	Fields []Field
	Body   string // sent as application/octet-stream; empty for none

	Status    int    // of the answer; 0 is 200
	MediaType string // of the answer, without parameters; "" when the answer has no body
	Coding    string // its Content-Encoding, "" or "gzip"
	// the body without its coding; JSON is compared by value, HTML but for white space
	Answer  string `json:"-"`
	Endless bool   // the answer is a stream, of which only the head is checked
}

// Field is a header field that is sent besides Host and those that describe the body.
type Field struct{ Name, Value string }

// Expected is Status with its default.
func (r Request) Expected() int { return cmp.Or(r.Status, http.StatusOK) }

// Check reports how an answer differs from the right one. A server may add parameters to its
// Content-Type, and white space around JSON; everything else is a difference.
func (r Request) Check(status int, header http.Header, body []byte) error {
	if status != r.Expected() {
		return fmt.Errorf("%s %s: status %d", r.Method, r.Target, status)
	}
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if r.MediaType != "" && (err != nil || media != r.MediaType) {
		return fmt.Errorf("%s %s: Content-Type %q, want %s",
			r.Method, r.Target, header.Get("Content-Type"), r.MediaType)
	}
	if got := header.Get("Content-Encoding"); got != r.Coding {
		return fmt.Errorf("%s %s: Content-Encoding %q, want %q", r.Method, r.Target, got, r.Coding)
	}
	if body, err = r.decode(body); err != nil {
		return fmt.Errorf("%s %s: %w", r.Method, r.Target, err)
	}
	if !r.Endless && !r.sameBody(body) {
		return fmt.Errorf("%s %s: body %.80q, want %.80q", r.Method, r.Target, body, r.Answer)
	}
	return nil
}

// decode undoes the coding.
func (r Request) decode(body []byte) ([]byte, error) {
	if r.Coding == "" {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func (r Request) sameBody(body []byte) bool {
	switch r.MediaType {
	case "application/json":
		var got, want any
		if json.Unmarshal(body, &got) != nil || json.Unmarshal([]byte(r.Answer), &want) != nil {
			return false
		}
		return reflect.DeepEqual(got, want)
	case "text/html":
		return slices.Equal(strings.Fields(string(body)), strings.Fields(r.Answer))
	}
	return string(body) == r.Answer
}

// Bytes is the request as it goes over the wire to host. With last, it asks the server to close the
// connection after the answer (RFC 9112, section 9.6).
func (r Request) Bytes(host string, last bool) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, host)
	if last {
		b.WriteString("Connection: close\r\n")
	}
	for _, field := range r.Fields {
		fmt.Fprintf(&b, "%s: %s\r\n", field.Name, field.Value)
	}
	if r.Body != "" {
		fmt.Fprintf(&b, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n",
			len(r.Body))
	}
	b.WriteString("\r\n")
	b.WriteString(r.Body)
	return []byte(b.String())
}
