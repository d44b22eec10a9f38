//go:build linux

package lwan

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
)

// TestFloodsCostTheirLength: 1 MiB of names that are equal, or differ at their end only, of empty
// elements, and of other things that only an attacker sends, is gone through in a moment. In the
// square of its length each would take minutes and more. None is put into a table by its hash.
func TestFloodsCostTheirLength(t *testing.T) {
	const size = 1 << 20
	fill := func(text string) string { return strings.Repeat(text, size/len(text)) }
	numbered := func(format string, each int) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()[:size-size%each]
	}
	query := func(text string) func(t *testing.T) {
		return func(t *testing.T) {
			var p pairs
			p.decode([]byte(text), 1<<30)
			got := len(p.all("a")) + len(p.all("none"))
			if got == 0 && strings.HasPrefix(text, "a=") {
				t.Error("nothing is found")
			}
		}
	}
	cookies := func(text string) func(t *testing.T) {
		return func(t *testing.T) {
			var p pairs
			p.addCookies([]byte(text), 1<<30)
			p.find("none")
		}
	}
	head := func(fields string) func(t *testing.T) {
		return func(t *testing.T) {
			buf := []byte("GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n")
			var h message.Head
			limits := message.Limits{Line: 1 << 30, Fields: 1 << 30, Count: 1 << 30}
			verdict, err := http1.Parse(buf, &h, &limits, new(http1.Resume))
			if verdict != http1.Done {
				t.Error(err)
			}
			req := &Request{buf: buf, head: &h}
			if req.Header("None") != "" || req.HeaderAll("None") != nil {
				t.Error("found what is not there")
			}
		}
	}
	json := func(text string) func(t *testing.T) {
		return func(t *testing.T) {
			var into struct{ A int }
			var all map[string]any
			if err := (jsonCodec{}).Decode([]byte(text), &into); err != nil {
				t.Error(err)
			}
			if err := (jsonCodec{}).Decode([]byte(text), &all); err != nil {
				t.Error(err)
			}
		}
	}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, work := range map[string]func(t *testing.T){
		"query, one name":     query(fill("a=1&")),
		"query, names":        query(numbered("a%07d=1&", 11)),
		"query, escaped":      query(fill("%61=%31&")),
		"query, invalid":      query(fill("%6&;&")),
		"query, nothing":      query(fill("&")),
		"query, no end":       query(fill("a")),
		"cookies, one name":   cookies(fill("a=1; ")),
		"cookies, invalid":    cookies(fill("=\"; ")),
		"cookies, nothing":    cookies(fill(";")),
		"fields, one name":    head(fill("A: " + strings.Repeat("b", 27) + "\r\n")),
		"fields, names":       head(numbered("A%07d: "+strings.Repeat("b", 20)+"\r\n", 32)),
		"Connection":          head("Connection: " + fill("a,") + "\r\n"),
		"Connection, nothing": head("Connection: " + fill(",") + "\r\n"),
		"Expect, nothing":     head("Expect: " + fill(",") + "\r\n"),
		"JSON, one name":      json(`{` + fill(`"a":1,`) + `"a":2}`),
		"JSON, names":         json(`{` + numbered(`"a%07d":1,`, 13) + `"a":2}`),
		"Accept": func(*testing.T) {
			message.Accepts([]byte(fill("text/html;q=0.1,")), "text/html", "text/plain")
		},
		"X-Forwarded-For": func(t *testing.T) {
			forwardedRequest(t, loopback, fill("127.0.0.1,")).forwardedFor(netip.AddrPort{})
		},
		"X-Forwarded-For, none": func(t *testing.T) {
			forwardedRequest(t, loopback, fill(",")+"127.0.0.1").forwardedFor(netip.AddrPort{})
		},
		"Content-Encoding": func(*testing.T) { coded([]byte(fill("identity,"))) },
		"path":             func(*testing.T) { message.CleanPath(nil, []byte("/"+fill("a/../"))) },
		"path, escaped": func(*testing.T) {
			message.CleanPath(nil, []byte("/"+fill("%2e%2e%2f/")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			began := time.Now()
			go func() {
				defer close(done)
				work(t)
			}()
			select {
			case <-done:
			case <-time.After(time.Minute):
				t.Fatal("more than linear")
			}
			t.Logf("%.1f ns a byte", float64(time.Since(began).Nanoseconds())/size)
		})
	}
}
