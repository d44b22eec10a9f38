package handlers

import (
	"strings"
	"testing"
)

func TestAcceptsGzip(t *testing.T) {
	for _, tt := range []struct {
		fields string // separated by a bar
		want   bool
	}{
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
		if got := acceptsGzip(strings.Split(tt.fields, "|")); got != tt.want {
			t.Errorf("%q: %v", tt.fields, got)
		}
	}
	if acceptsGzip(nil) {
		t.Error("no field asks for nothing")
	}
}
