package contract_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func ExampleRequest_Check() {
	request := contract.Requests(contract.Hello)[0]
	plain := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	fmt.Println(request.Check(200, plain, []byte("Hello, world!")))
	fmt.Println(request.Check(200, plain, []byte("Hello")))
	// Output:
	// <nil>
	// GET /: body "Hello", want "Hello, world!"
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		feature     contract.Feature
		status      int
		contentType string
		body        string
		right       bool
	}{
		{contract.Hello, 200, "text/plain", "Hello, world!", true},
		{contract.Hello, 200, "TEXT/plain ;charset=UTF-8", "Hello, world!", true},
		{contract.Hello, 404, "text/plain", "Hello, world!", false},
		{contract.Hello, 200, "text/html", "Hello, world!", false},
		{contract.Hello, 200, "", "Hello, world!", false},
		{contract.Hello, 200, "text/plain", "Hello, world!\n", false},
		{contract.JSON, 200, "application/json", "{\"message\": \"Hello, world!\"}\n", true},
		{contract.JSON, 200, "application/json", `{"message":"Hello, world!","x":1}`, false},
		{contract.JSON, 200, "application/json", `"Hello, world!"`, false},
		{contract.JSON, 200, "application/json", `{`, false},
		{contract.Post, 200, "text/plain", "1024", true},
		{contract.Post, 200, "text/plain", "0", false},
	} {
		err := contract.Requests(c.feature)[0].Check(c.status,
			http.Header{"Content-Type": {c.contentType}}, []byte(c.body))
		if (err == nil) != c.right {
			t.Errorf("%s %d %q %q: %v", c.feature, c.status, c.contentType, c.body, err)
		}
	}
}

// TestBytesAreWhatNetHTTPReads holds the requests against the standard library's parser.
func TestBytesAreWhatNetHTTPReads(t *testing.T) {
	for _, feature := range contract.Features() {
		for _, want := range contract.Requests(feature) {
			for _, last := range []bool{false, true} {
				got, err := http.ReadRequest(
					bufio.NewReader(bytes.NewReader(want.Bytes("h:1", last))))
				if err != nil {
					t.Fatalf("%s: %v", want.Target, err)
				}
				body, err := io.ReadAll(got.Body)
				if err != nil || got.Method != want.Method || got.RequestURI != want.Target ||
					got.Host != "h:1" || string(body) != want.Body || got.Close != last ||
					!hasFields(got.Header, want.Fields) {
					t.Errorf("%s: read as %s %s %s, close %t, %d bytes, %v",
						want.Target, got.Method, got.RequestURI, got.Host, got.Close, len(body),
						err)
				}
			}
		}
	}
}

func hasFields(header http.Header, fields []contract.Field) bool {
	for _, field := range fields {
		if header.Get(field.Name) != field.Value {
			return false
		}
	}
	return true
}

// TestRoutesAnswerThemselves routes every request with net/http and compares with the answer that
// is promised.
func TestRoutesAnswerThemselves(t *testing.T) {
	mux := http.NewServeMux()
	routes := contract.Routes()
	for _, route := range routes {
		mux.HandleFunc(route.Pattern, func(http.ResponseWriter, *http.Request) {})
	}
	if len(routes) != 200 {
		t.Errorf("%d routes, want 200", len(routes))
	}
	for _, want := range contract.Requests(contract.Routing) {
		r, err := http.NewRequest(want.Method, want.Target, nil)
		if err != nil {
			t.Fatal(err)
		}
		mux.ServeHTTP(discard{}, r)
		got := r.PathValue(contract.ID)
		if part := r.PathValue(contract.Part); part != "" {
			got += "/" + part
		}
		if got != want.Answer {
			t.Errorf("%s (%s): answer %q, want %q", want.Target, r.Pattern, got, want.Answer)
		}
	}
}

func TestColon(t *testing.T) {
	got := contract.Route{Pattern: "/a/{id}/parts/{part}"}.Colon()
	if want := "/a/:id/parts/:part"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
