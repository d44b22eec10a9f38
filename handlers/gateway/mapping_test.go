package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

func TestMapping(t *testing.T) {
	at := &place{
		backend: "10.0.0.1:9000", asked: "app.internal", host: "www.example", scheme: "https",
	}
	m := newMapping(prefixes{"/app", "/v1"}, map[string]string{"/old/": "/new", "/old/deep": "/d"},
		map[string]string{"other.internal": "other.example"})
	bare := newMapping(prefixes{"/app", ""}, nil, nil)
	none := newMapping(prefixes{}, nil, nil)
	for _, tt := range []struct {
		m          *mapping
		from, want string
	}{
		{m, "/v1/x?y#z", "/app/x?y#z"},
		{m, "/v1", "/app"},
		{m, "/v1?q", "/app?q"},
		{m, "/v10/x", "/v10/x"},
		{m, "/old/x", "/new/x"},
		{m, "/old/deep/x", "/d/x"},
		{m, "x/y", "x/y"},
		{m, "", ""},
		{m, "//v1/x", "//v1/x"}, // another host
		{m, "http://10.0.0.1:9000/v1/x", "https://www.example/app/x"},
		{m, "http://app.internal/v1/x", "https://www.example/app/x"},
		{m, "HTTP://APP.INTERNAL", "https://www.example/"},
		{m, "https://www.example/v1/x", "https://www.example/app/x"},
		{m, "http://elsewhere/v1/x", "http://elsewhere/v1/x"},
		{m, "http://other.internal/v1/x", "http://other.example/app/x"},
		{m, "http://10.0.0.1:9000.evil/v1", "http://10.0.0.1:9000.evil/v1"},
		{m, "mailto:a@b", "mailto:a@b"},
		{bare, "/x", "/app/x"},
		{bare, "/", "/app/"},
		{bare, "http://10.0.0.1:9000?q", "https://www.example/app/?q"},
		{none, "/x", "/x"},
		{none, "http://10.0.0.1:9000", "https://www.example"},
	} {
		if got := tt.m.location(tt.from, at); got != tt.want {
			t.Errorf("Location %q became %q, want %q", tt.from, got, tt.want)
		}
	}
	unnamed := &place{backend: "10.0.0.1:9000", asked: "10.0.0.1:9000", scheme: "http"}
	if got := m.location("http://10.0.0.1:9000/v1", unnamed); got != "http://10.0.0.1:9000/v1" {
		t.Errorf("without a host of the client's: %q", got)
	}
	for from, want := range map[string]string{
		"5; url=/v1/x": "5; url=/app/x", `0;URL="/v1/x"`: `0;URL="/app/x"`, "5": "5",
		"5;url='/v1'": "5;url='/app'", "5;url=": "5;url=",
	} {
		if got := m.refresh(from, at); got != want {
			t.Errorf("Refresh %q became %q, want %q", from, got, want)
		}
	}
	for from, want := range map[string]string{
		"a=b": "a=b", "a=b; Path=/v1/x; Secure": "a=b; Path=/app/x; Secure",
		"a=b;path=/v1":                       "a=b; Path=/app",
		"Path=/v1; HttpOnly":                 "Path=/v1; HttpOnly", // a cookie of that name
		"a=b; Domain=.OTHER.internal; Max=1": "a=b; Domain=other.example; Max=1",
		"a=b; Domain=elsewhere":              "a=b; Domain=elsewhere",
		"a=b; Path=/elsewhere; Path=/old/y":  "a=b; Path=/elsewhere; Path=/new/y",
	} {
		if got := m.cookie(from); got != want {
			t.Errorf("Set-Cookie %q became %q, want %q", from, got, want)
		}
	}
	if got := bare.cookie("a=b; Path=/"); got != "a=b; Path=/app/" {
		t.Errorf("the root became %q", got)
	}
}

func TestRetryRules(t *testing.T) {
	on := Retry{On: []lwan.Status{503}, Timeouts: true}
	unsafe := on
	unsafe.Unsafe = true
	for i, tt := range []struct {
		r    Retry
		what trouble
		t    try
		want again
	}{
		{Retry{}, unreachable, try{method: "POST", members: 1}, nextOne},
		{Retry{}, unreachable, try{method: "POST", members: 1, sent: true}, giveUp},
		{Retry{}, unreachable, try{method: "GET", members: 3}, giveUp},
		{Retry{Tries: 4}, unreachable, try{method: "GET", members: 3}, nextOne},
		{Retry{Tries: -1}, unreachable, try{method: "GET", members: 1}, giveUp},
		{Retry{}, unreachable, try{method: "GET", members: 1, since: 10 * time.Second}, giveUp},
		{Retry{Within: -1}, unreachable, try{method: "GET", members: 1, since: time.Hour}, nextOne},
		{Retry{}, unreachable, try{method: "POST", members: 1, gone: true}, giveUp},
		{Retry{}, stale, try{method: "GET", members: 3, sent: true}, renewed},
		{Retry{}, stale, try{method: "GET", members: 1, sent: true, renewed: true}, giveUp},
		{Retry{}, stale, try{method: "POST", members: 1, sent: true}, giveUp},
		{Retry{}, stale, try{method: "PUT", members: 1, sent: true}, renewed},
		{Retry{}, stale, try{method: "PUT", members: 1, sent: true, gone: true}, giveUp},
		{unsafe, stale, try{method: "PATCH", members: 1, sent: true}, giveUp},
		{Retry{}, overloaded, try{method: "POST", members: 1, sent: true}, nextOne},
		{Retry{}, overloaded, try{method: "POST", members: 1, sent: true, gone: true}, giveUp},
		{Retry{}, slow, try{method: "GET", members: 1, sent: true}, giveUp},
		{on, slow, try{method: "GET", members: 1, sent: true}, nextPaid},
		{on, slow, try{method: "POST", members: 1, sent: true}, giveUp},
		{unsafe, slow, try{method: "POST", members: 1, sent: true}, nextPaid},
		{on, unwanted, try{method: "GET", members: 1, sent: true}, nextPaid},
		{on, unwanted, try{method: "GET", members: 1, sent: true, begun: true}, giveUp},
		{unsafe, unwanted, try{method: "POST", members: 1, sent: true, gone: true}, giveUp},
		{unsafe, broken, try{method: "GET", members: 1, sent: true}, giveUp},
	} {
		if got := tt.r.after(tt.what, &tt.t); got != tt.want {
			t.Errorf("%d: after %d with %s it is %d, want %d",
				i, tt.what, fmt.Sprintf("%+v", tt.t), got, tt.want)
		}
	}
	if n := (&Retry{}).kept(); n != 64<<10 {
		t.Errorf("%d bytes of a body are kept", n)
	}
	if n := (&Retry{Body: -1}).kept(); n != 0 {
		t.Errorf("%d bytes of a body are kept, want none", n)
	}
}
