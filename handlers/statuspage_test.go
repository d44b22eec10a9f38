package handlers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestStatusPage: the page lets only itself run, its numbers are those of the server, and health
// says when the server drains.
func TestStatusPage(t *testing.T) {
	srv := &lwan.Server{}
	srv.Mount("/s", handlers.StatusPage.With(handlers.StatusConfig{
		Backends: func() []handlers.StatusBackend {
			return []handlers.StatusBackend{{Group: "g", Address: "a:1", State: "up", Good: true}}
		},
	}))
	srv.Mount("/closed", handlers.StatusPage.With(handlers.StatusConfig{
		Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}))
	s := lwantest.Start(t, srv)
	get := func(path string) (int, string, string) {
		t.Helper()
		answer, err := s.Client.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body), answer.Header.Get("Content-Security-Policy")
	}
	status, html, policy := get("/s")
	if status != 200 || !strings.Contains(html, "prefers-color-scheme: dark") ||
		!strings.Contains(html, `name="viewport"`) {
		t.Errorf("the page: %d", status)
	}
	for _, tag := range []string{"style", "script"} {
		text := regexp.MustCompile("(?s)<" + tag + ">(.*)</" + tag + ">").FindStringSubmatch(html)
		sum := sha256.Sum256([]byte(text[1]))
		want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if !strings.Contains(policy, want) {
			t.Errorf("the policy does not allow its own %s: %s", tag, policy)
		}
	}
	if foreign := regexp.MustCompile(`(src|href)=|@import|url\(|https?://`).FindAllString(
		strings.ReplaceAll(html, "http://www.w3.org/2000/svg", ""), -1); foreign != nil {
		t.Errorf("the page asks for other things: %q", foreign)
	}
	if status, _, _ := get("/closed"); status != 403 {
		t.Errorf("who may not look gets %d", status)
	}
	if status, body, _ := get("/s/health"); status != 200 || body != "ok\n" {
		t.Errorf("health: %d %q", status, body)
	}
	status, text, _ := get("/s/status.json")
	var page struct {
		Requests int64
		Draining bool
		Conns    map[string]int64 `json:"connections"`
		Backends []handlers.StatusBackend
		History  []any
	}
	if err := json.Unmarshal([]byte(text), &page); status != 200 || err != nil ||
		page.Draining || len(page.Conns) != 4 || len(page.Backends) != 1 || page.History == nil {
		t.Errorf("status.json: %d %v %s", status, err, text)
	}
	_, metrics, _ := get("/s/metrics")
	if !strings.Contains(metrics, "golwan_requests_total ") ||
		!strings.Contains(metrics, "golwan_request_seconds_count ") {
		t.Errorf("metrics: %s", metrics)
	}
}

// TestStatusPages: those that are asked for are there, and no others.
func TestStatusPages(t *testing.T) {
	srv := &lwan.Server{}
	srv.Mount("/s", handlers.StatusPage.With(handlers.StatusConfig{
		Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, Pages: []string{"health"},
	}))
	h := lwantest.Build(t, srv)
	for path, want := range map[string]int{
		"/s": 404, "/s/metrics": 404, "/s/config": 404, "/s/health": 200,
	} {
		if got := lwantest.Get(t, h, path); int(got.Status) != want {
			t.Errorf("%s: %d, want %d", path, got.Status, want)
		}
	}
	bad := &lwan.Server{}
	bad.Mount("/s", handlers.StatusPage.With(handlers.StatusConfig{Pages: []string{"statis"}}))
	if _, err := bad.Build(); err == nil || !strings.Contains(err.Error(), `"statis"`) {
		t.Errorf("a page that is none: %v", err)
	}
}
