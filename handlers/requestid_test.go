package handlers_test

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

var newID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func TestRequestID(t *testing.T) {
	echo := handlers.RequestID(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, handlers.RequestIDKey.Must(req))
	})
	for _, tt := range []struct {
		name, sent string
		taken      bool
	}{
		{"UUID", "0191f0a2-7c4e-7b5a-9d2f-3e1c5a7b9d0f", true},
		{"trace", "Root=1-67891233-abcdef012345678912345678", true},
		{"base64", "aGVsbG8+d29ybGQ/==", true},
		{"everything", "az09AZ-_.~+/=:@", true},
		{"question mark", "a?b", false},
		{"one", "x", true},
		{"longest", strings.Repeat("x", 128), true},
		{"too long", strings.Repeat("x", 129), false},
		{"empty", "", false},
		{"blank", "a b", false},
		{"quote", `a"b`, false},
		{"markup", "<b>", false},
		{"percent", "%0a", false},
		{"not ASCII", "ä", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lwantest.Do(t, echo, newRequest(t, "GET", "/", "X-Request-Id", tt.sent))
			if got.Body != got.Header.Get("X-Request-Id") {
				t.Errorf("the handler has %q, the client %q", got.Body, got.Header)
			}
			if tt.taken && got.Body != tt.sent || !tt.taken && !newID.MatchString(got.Body) {
				t.Errorf("%q became %q", tt.sent, got.Body)
			}
		})
	}
	one, other := lwantest.Get(t, echo, "/"), lwantest.Get(t, echo, "/")
	if !newID.MatchString(one.Body) || one.Body == other.Body {
		t.Errorf("%q, %q", one.Body, other.Body)
	}
}

// The ID is in what the server logs about a failure, and on error answers and answers that were
// reset.
func TestRequestIDOfFailure(t *testing.T) {
	var log bytes.Buffer
	srv := &lwan.Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
	srv.Use(handlers.RequestID)
	srv.Handle("GET /fail", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Fail(errors.New("the cause"))
	})
	srv.Handle("GET /panic", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		panic("oops")
	})
	srv.Handle("GET /again", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.Reset()
		return resp.Text(200, "again")
	})
	h := lwantest.Build(t, srv)
	for _, path := range []string{"/fail", "/panic", "/again", "/nowhere"} {
		got := lwantest.Do(t, h, newRequest(t, "GET", path, "X-Request-Id", "id-of-"+path))
		if id := got.Header.Get("X-Request-Id"); id != "id-of-"+path {
			t.Errorf("%s: %q", path, id)
		}
	}
	for _, words := range []string{"the cause", "oops"} {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, words) && !strings.Contains(line, "request_id=id-of-/") {
				t.Errorf("no ID in %s", line)
			}
		}
		if !strings.Contains(log.String(), words) {
			t.Errorf("no line with %q in %s", words, log.String())
		}
	}
}
