//go:build linux && !golwan_nethttp

package lwan

import (
	"go/build"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestH2Spec runs h2spec (github.com/summerwind/h2spec), if it is installed: as h2spec in the path,
// or as GOLWAN_H2SPEC says. Its rules are those of RFC 7540; we keep to them where RFC 9113 does
// not say otherwise. Answers take a moment, so that streams run beside each other, and every one
// has content: five or six of the tests send what is wrong behind a request, and find it answered in
// full already by a handler that is quick and reads no body (RFC 9113 section 8.1).
func TestH2Spec(t *testing.T) {
	path := os.Getenv("GOLWAN_H2SPEC")
	if path == "" {
		var err error
		if path, err = exec.LookPath("h2spec"); err != nil {
			path = filepath.Join(build.Default.GOPATH, "bin", "h2spec")
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("h2spec is not installed: .ci/run tools")
	}
	srv := &Server{}
	srv.Handle("/", func(req *Request, resp *Response) Status {
		body, err := req.BodyBytes()
		if err == nil {
			err = req.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Data(200, "text/plain", append([]byte("content: "), body...))
	})
	srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0", Protocols: HTTP2}}
	_, port, err := net.SplitHostPort(serveTest(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "-h", "127.0.0.1", "-p", port, "-o", "2").CombinedOutput()
	sum := regexp.MustCompile(`145 tests, 145 passed, 0 skipped, 0 failed`).Find(out)
	if err != nil || sum == nil {
		if len(out) > 6000 {
			out = out[len(out)-6000:]
		}
		t.Errorf("%v\n%s", err, out)
	}
}
