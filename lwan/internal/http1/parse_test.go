package http1

import "testing"

func TestParseMinimal(t *testing.T) {
	req := "GET /a/b?x=1 HTTP/1.1\r\nHost: localhost:8080\r\nConnection: keep-alive, Upgrade\r\nUpgrade: ws\r\nX-One:  two \r\n\r\nrest"
	for cut := 0; cut < len(req)-4; cut++ {
		var h Head
		var r Resume
		if v, err := Parse([]byte(req[:cut]), &h, nil, &r); v != More {
			t.Fatalf("cut %d: %v %v", cut, v, err)
		}
		v, err := Parse([]byte(req), &h, nil, &r)
		if v != Done || h.Size != len(req)-4 || !h.Upgrade || !h.KeepAlive || string(h.Path.Of([]byte(req))) != "/a/b" {
			t.Fatalf("cut %d: %v %v %+v", cut, v, err, h)
		}
		if s, ok := h.Find([]byte(req), "x-ONE"); !ok || string(s.Of([]byte(req))) != "two" {
			t.Fatal(s, ok)
		}
	}
}
