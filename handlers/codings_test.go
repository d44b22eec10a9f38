package handlers

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestCompressChoosesGzip(t *testing.T) {
	onlyGzip := newCompressing(CompressConfig{Codings: []string{"gzip"}})
	for _, tt := range []struct {
		fields string // separated by a bar; "none": there is no such field
		want   bool
	}{
		{"none", false}, // which asks for nothing
		{"", false},
		{"gzip", true},
		{"GZip", true},
		{"x-gzip", true},
		{"gzip, deflate, br, zstd", true},
		{"deflate,\tgzip ;q=0.5", true},
		{"br|gzip", true},
		{"br|deflate", false},
		{"gzip;q=0", false},
		{"gzip;q=0.000", false},
		{"gzip;q=0.001", true},
		{"gzip;Q=1.000", true},
		{"gzip; q=1", true},
		{"*", true},
		{"*;q=0", false},
		{"*;q=0.1, gzip;q=0", false},
		{"*;q=0, gzip", true},
		{"identity", false},
		{"identity;q=0", false},
		{"gzip, identity", true},
		{"gzip;q=0.5, identity;q=0.6", false},
		{"gzip;q=0.6, identity;q=0.5", true},
		{"gzip;q=0, x-gzip;q=1", true},
		{"gzip;q=1.001", false},
		{"gzip;q=2", false},
		{"gzip;q=0.1234", false},
		{"gzip;q=.5", false},
		{"gzip;q=-1", false},
		{"gzip;q=", false},
		{"gzip;q=0.a", false},
		{"gzip;v=1", false},
		{"gzip;", false},
		{", ,gzip,", true},
		{"gzipped, notgzip", false},
		{";q=1", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Accept-Encoding"] = strings.Split(tt.fields, "|")
		if tt.fields == "none" {
			delete(r.Header, "Accept-Encoding")
		}
		lwantest.Do(t, func(req *lwan.Request, _ *lwan.Response) lwan.Status {
			if got := onlyGzip.choose(req) != nil; got != tt.want {
				t.Errorf("%q: %v", tt.fields, got)
			}
			return lwan.StatusOK
		}, r)
	}
}
