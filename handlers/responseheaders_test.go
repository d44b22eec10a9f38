package handlers_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestResponseHeaders(t *testing.T) {
	c := handlers.ResponseHeadersConfig{
		Remove: []string{"gone"}, Set: map[string]string{"Set": "new"},
		Add:     map[string]string{"Added": "2"},
		Default: map[string]string{"Set": "no", "Preset": "yes"},
	}
	good := c
	good.GoodOnly = true
	for _, tt := range []struct {
		c       handlers.ResponseHeadersConfig
		status  lwan.Status
		changed bool
	}{{c, 200, true}, {c, 404, true}, {good, 200, true}, {good, 404, false}} {
		mw, err := handlers.ResponseHeaders(tt.c)
		if err != nil {
			t.Fatal(err)
		}
		got := lwantest.Get(t, mw(func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
			for name, value := range map[string]string{"Gone": "1", "Set": "old", "Added": "1"} {
				resp.SetHeader(name, value)
			}
			return tt.status
		}), "/")
		want := map[string]string{"Gone": "1", "Set": "old", "Added": "1", "Preset": ""}
		if tt.changed {
			want = map[string]string{"Gone": "", "Set": "new", "Added": "1,2", "Preset": "yes"}
		}
		have := map[string]string{}
		for name := range want {
			have[name] = strings.Join(got.Header.Values(name), ",")
		}
		if !maps.Equal(have, want) {
			t.Errorf("%d: %v, want %v", tt.status, have, want)
		}
	}
}

// TestResponseHeadersRefused: what would break a message is refused at the start.
func TestResponseHeadersRefused(t *testing.T) {
	for _, c := range []handlers.ResponseHeadersConfig{
		{Set: map[string]string{"content-length": "1"}},
		{Add: map[string]string{"Transfer-Encoding": "x"}},
		{Remove: []string{"Connection"}}, {Default: map[string]string{"": "x"}},
		{Set: map[string]string{"A B": "x"}}, {Set: map[string]string{"A": "x\r\nB: y"}},
	} {
		if _, err := handlers.ResponseHeaders(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
