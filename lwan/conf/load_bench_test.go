package conf

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkLoad reads and checks a configuration of 1000 sites with two modules each.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("listener 127.0.0.1:0\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "site www%d.example.com {\n    redirect /old { to = /new }\n"+
			"    response / {\n        code = 200\n        body = %d\n    }\n}\n", i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := LoadText("sites.conf", text.String(), Standard(), Options{Getenv: noEnv})
		if err != nil {
			b.Fatal(err)
		}
		srv, err := c.Server()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := srv.Build(); err != nil {
			b.Fatal(err)
		}
		if err := srv.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
