package lwan

import (
	"net/http/httptest"
	"testing"
)

// TestRequestAccepts: several lines of a field are one list, and no field is not an empty one.
func TestRequestAccepts(t *testing.T) {
	for _, tt := range []struct {
		fields []string // of Accept and Accept-Encoding in turns
		want   string
	}{
		{nil, "text/plain identity"},
		{[]string{"text/html", ""}, "text/html identity"},
		{[]string{"text/html;q=0.5", "gzip;q=0"}, "text/html identity"},
		{[]string{"image/png", "identity;q=0"}, " "},
		{[]string{"text/plain;q=0.1", "br;q=0.5", "text/html", "gzip"}, "text/html gzip"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for i, value := range tt.fields {
			r.Header.Add([]string{"Accept", "Accept-Encoding"}[i%2], value)
		}
		w := httptest.NewRecorder()
		ToHTTP(func(req *Request, resp *Response) Status {
			resp.WriteString(req.Accepts("text/plain", "text/html") + " ")
			resp.WriteString(req.AcceptsEncoding("br", "gzip", "identity"))
			return StatusOK
		}).ServeHTTP(w, r)
		if got := w.Body.String(); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.fields, got, tt.want)
		}
	}
}
