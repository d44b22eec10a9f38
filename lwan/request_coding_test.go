package lwan

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestCompressedBodyWasMisread: a body in gzip was taken for JSON, or for a form, as it came: 400,
// and the client was told that its JSON was malformed. It is not decompressed either: its
// decompressed size has no bound.
func TestCompressedBodyWasMisread(t *testing.T) {
	const parts = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"
	readers := map[string]struct {
		contentType, body string
		read              func(req *Request) error
	}{
		"ReadJSON": {"application/json", `{"a":1}`,
			func(req *Request) error { _, err := ReadJSON[map[string]int](req); return err }},
		"Form": {"application/x-www-form-urlencoded", "a=1",
			func(req *Request) error { _, err := req.Form(); return err }},
		"Form, multipart": {"multipart/form-data; boundary=b", parts,
			func(req *Request) error { _, err := req.Form(); return err }},
		"Parts": {"multipart/form-data; boundary=b", parts, func(req *Request) error {
			for _, err := range req.Parts() {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
	for name, r := range readers {
		for field, refused := range map[string]bool{
			"": false, "\nContent-Encoding: identity": false, "\nContent-Encoding: ,": false,
			"\nContent-Encoding: gzip":                                     true,
			"\ncontent-encoding: identity\nCONTENT-ENCODING: identity, br": true,
		} {
			head := fmt.Sprintf("POST / HTTP/1.1\nHost: x\nContent-Type: %s\nContent-Length: %d%s",
				r.contentType, len(r.body), field)
			req, _ := memoryRequest(t, head, strings.NewReader(r.body))
			resp := &Response{}
			resp.begin(req)
			err := r.read(req)
			if !refused && err != nil {
				t.Errorf("%s, %q: %v", name, field, err)
			}
			if refused {
				checkError(t, name, err, 415, "the body must not be in a content coding")
				if got := resp.Header("Accept-Encoding"); got != "identity" {
					t.Errorf("%s, %q: Accept-Encoding %q", name, field, got)
				}
			}
		}
	}
	req, _ := memoryRequest(t,
		"POST / HTTP/1.1\nHost: x\nContent-Length: 2\nContent-Encoding: gzip",
		strings.NewReader("\x1f\x8b"))
	if b, err := io.ReadAll(req.Body()); err != nil || string(b) != "\x1f\x8b" {
		t.Errorf("the bytes as they are: %q, %v", b, err)
	}
}
