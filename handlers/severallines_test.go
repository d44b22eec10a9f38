package handlers_test

import (
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// The second line of a list counts like the first, in requests and in answers.
func TestListsOnSeveralLines(t *testing.T) {
	type fields = []string
	srv := &lwan.Server{}
	zip := handlers.Compress(handlers.CompressConfig{})
	srv.Handle("GET /zip", page(200, long, "Content-Type", "text/plain"), zip)
	srv.Handle("GET /no-transform",
		page(200, long, "Content-Type", "text/plain", "Cache-Control", "no-cache", "Cache-Control",
			"no-transform"), zip)
	srv.Handle("GET /vary",
		page(200, long, "Content-Type", "text/plain", "Vary", "Origin", "Vary", "accept-encoding"),
		zip)
	srv.Handle("GET /tagged", page(304, "", "ETag", `"b"`), zip)
	srv.Handle("OPTIONS /cors", lwan.NotFound,
		handlers.CORS(handlers.CORSConfig{Origins: []string{"*"}}))
	h := lwantest.Build(t, srv)
	for _, tt := range []struct {
		method, target string
		fields         fields
		name           string
		want           []string // of the answer's fields of that name
	}{
		{"GET", "/zip", fields{"Accept-Encoding", "other", "Accept-Encoding", "gzip"},
			"Content-Encoding", fields{"gzip"}},
		{"GET", "/no-transform", fields{"Accept-Encoding", "gzip"}, "Content-Encoding", nil},
		{"GET", "/vary", fields{"Accept-Encoding", "gzip"}, "Vary",
			fields{"Origin", "accept-encoding"}},
		{"GET", "/tagged", fields{"If-None-Match", `"a"`, "If-None-Match", `W/"b"`},
			"Etag", fields{`W/"b"`}},
		{"OPTIONS", "/cors",
			fields{"Origin", "http://a", "Access-Control-Request-Method", "PUT",
				"Access-Control-Request-Headers", "x-a",
				"Access-Control-Request-Headers", "x-b"},
			"Access-Control-Allow-Headers", fields{"x-a, x-b"}},
		{"GET", "/none", fields{"Accept", "text/html;q=0.5", "Accept", "application/json"},
			"Content-Type", fields{"application/json"}},
	} {
		got := lwantest.Do(t, h, newRequest(t, tt.method, tt.target, tt.fields...))
		if v := got.Header[tt.name]; len(v) != len(tt.want) {
			t.Errorf("%s: %s is %q, want %q (%d)", tt.target, tt.name, v, tt.want, got.Status)
		} else {
			for i := range v {
				if v[i] != tt.want[i] {
					t.Errorf("%s: %s is %q, want %q (%d)",
						tt.target, tt.name, v, tt.want, got.Status)
				}
			}
		}
	}
}
