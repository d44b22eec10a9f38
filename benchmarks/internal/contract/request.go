package contract

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"
)

// Request is one request together with the answer that counts as right.
type Request struct {
	Method string
	Target string // in origin form (RFC 9112, section 3.2.1)
	Body   string // sent as application/octet-stream; empty for none

	MediaType string // of the answer, without parameters
	Answer    string // the body; JSON is compared by value
}

// Check reports how an answer differs from the right one. A server may add parameters to its Content-Type, and white
// space around JSON; everything else is a difference.
func (r Request) Check(status int, contentType string, body []byte) error {
	if status != http.StatusOK {
		return fmt.Errorf("%s %s: status %d", r.Method, r.Target, status)
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || media != r.MediaType {
		return fmt.Errorf("%s %s: Content-Type %q, want %s", r.Method, r.Target, contentType, r.MediaType)
	}
	if !r.sameBody(body) {
		return fmt.Errorf("%s %s: body %.80q, want %q", r.Method, r.Target, body, r.Answer)
	}
	return nil
}

func (r Request) sameBody(body []byte) bool {
	if r.MediaType != "application/json" {
		return string(body) == r.Answer
	}
	var got, want any
	if json.Unmarshal(body, &got) != nil || json.Unmarshal([]byte(r.Answer), &want) != nil {
		return false
	}
	return reflect.DeepEqual(got, want)
}

// Bytes is the request as it goes over the wire to host. With last, it asks the server to close the connection
// after the answer (RFC 9112, section 9.6).
func (r Request) Bytes(host string, last bool) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Target, host)
	if last {
		b.WriteString("Connection: close\r\n")
	}
	if r.Body != "" {
		fmt.Fprintf(&b, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", len(r.Body))
	}
	b.WriteString("\r\n")
	b.WriteString(r.Body)
	return []byte(b.String())
}
