package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// visitor is a browser.
type visitor struct {
	t    *testing.T
	base string
	http *http.Client
}

// start runs a board on a folder.
func start(t *testing.T, dir string) *lwantest.Server {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	b, err := open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := b.server()
	if err != nil {
		t.Fatal(err)
	}
	return lwantest.Start(t, srv)
}

func visit(t *testing.T, s *lwantest.Server) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, s.URL, &http.Client{Transport: s.Client.Transport, Jar: jar}}
}

// ask sends a request, follows redirects, and returns status and body.
func (v *visitor) ask(method, path, contentType, body string) (int, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path,
		strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept", "text/html, application/json;q=0.9")
	resp, err := v.http.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// post sends a form, and fails unless the page that comes has that status and text.
func (v *visitor) post(path string, form url.Values, status int, want string) {
	v.t.Helper()
	got, page := v.ask("POST", path, "application/x-www-form-urlencoded", form.Encode())
	if got != status || !strings.Contains(page, want) {
		v.t.Errorf("%s %v: %d %s, want %d %q", path, form, got, page, status, want)
	}
}

func credentials(user, password string) url.Values {
	return url.Values{"user": {user}, "password": {password}}
}

func TestSignIn(t *testing.T) {
	v := visit(t, start(t, t.TempDir()))
	v.post("/entries", url.Values{"text": {"x"}}, 401, "sign in first")
	v.post("/join", credentials("ann", "short"), 422, "must have 8 to 72 bytes")
	v.post("/join", credentials("", "long enough"), 422, "is missing")
	v.post("/join", credentials("ann", "long enough"), 200, "Sign out")
	v.post("/sign-out", nil, 200, "Sign in")
	v.post("/join", credentials("ann", "long enough"), 422, "is taken")
	v.post("/sign-in", credentials("ann", "wrong password"), 422, "is not that of this name")
	v.post("/sign-in", credentials("bob", "wrong password"), 422, "is not that of this name")
	v.post("/sign-in", credentials("ann", "long enough"), 200, "Sign out")
}

func TestForms(t *testing.T) {
	v := visit(t, start(t, t.TempDir()))
	v.post("/join", credentials("ann", "long enough"), 200, "Nothing yet")
	v.post("/entries", url.Values{"text": {" "}, "state": {"lazy"}}, 422, "must be one of working")
	v.post("/entries", url.Values{"text": {"my <text>"}, "due": {"tomorrow"}}, 422,
		"my &lt;text&gt;")
	v.post("/entries", url.Values{"text": {"my <text>"}, "due": {"2026-12-24"}}, 200,
		"Due 24 December 2026")
}

func TestAPI(t *testing.T) {
	s := start(t, t.TempDir())
	v := visit(t, s)
	v.post("/join", credentials("ann", "long enough"), 200, "")
	for i := range 5 {
		v.post("/entries", url.Values{"text": {"entry " + strconv.Itoa(i+1)}}, 200, "")
	}
	var texts []string
	for path := "?size=2"; path != ""; {
		status, body := v.ask("GET", "/api/entries"+path, "", "")
		var page struct {
			Entries []Entry
			Older   string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
			t.Fatal(status, body, err)
		}
		for _, e := range page.Entries {
			texts = append(texts, e.Text)
		}
		path = page.Older
	}
	if got := strings.Join(texts, ", "); got != "entry 5, entry 4, entry 3, entry 2, entry 1" {
		t.Errorf("pages: %s", got)
	}
	for _, tt := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/api/entries/1", `{"state":"done"}`, 200, `"text":"entry 1","state":"done"`},
		{"/api/entries/1", `{"text":"new"}`, 200, `"text":"new","state":"done"`},
		{"/api/entries/1", `{"state":"lazy"}`, 422, "must be one of"},
		{"/api/entries/9", `{}`, 404, ""},
		{"/api/entries/x", `{}`, 404, ""},
	} {
		status, body := v.ask("PATCH", tt.path, "application/json", tt.body)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, status, body)
		}
	}
	other := visit(t, s)
	other.post("/join", credentials("bob", "long enough"), 200, "")
	if status, _ := other.ask("PATCH", "/api/entries/1", "application/json", `{}`); status != 403 {
		t.Errorf("another's entry: %d", status)
	}
	if status, _ := v.ask("GET", "/api/entries?size=1000", "", ""); status != 422 {
		t.Errorf("a large page: %d", status)
	}
}

func TestFiles(t *testing.T) {
	v := visit(t, start(t, t.TempDir()))
	v.post("/join", credentials("ann", "long enough"), 200, "")
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	content := strings.Repeat("0123456789", 200_000)
	if err := form.WriteField("text", "with files"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.txt", "b.html"} {
		part, err := form.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	status, page := v.ask("POST", "/entries", form.FormDataContentType(), body.String())
	const link = `<a href="/files/2">b.html</a> <small>2.0 MB</small>`
	if status != 200 || !strings.Contains(page, link) {
		t.Fatal(status, page)
	}
	resp, err := v.http.Get(v.base + "/files/2")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != content ||
		resp.Header.Get("Content-Disposition") != `attachment; filename="b.html"` {
		t.Errorf("%d bytes, %v, %v", len(got), resp.Header, err)
	}
	if status, _ := v.ask("GET", "/files/3", "", ""); status != 404 {
		t.Errorf("no such file: %d", status)
	}
}

// TestEvents: a page that was away, while the server was started anew as well, misses nothing.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	var last string
	t.Run("before", func(t *testing.T) {
		s := start(t, dir)
		v := visit(t, s)
		v.post("/join", credentials("ann", "long enough"), 200, "")
		v.post("/entries", url.Values{"text": {"first"}}, 200, "")
		last = listen(t, s, "0", "", func() {
			v.post("/entries", url.Values{"text": {"second"}}, 200, "")
		}, "first", "second")
		v.post("/entries", url.Values{"text": {"third"}}, 200, "") // nobody listens
	})
	t.Run("after", func(t *testing.T) {
		s := start(t, dir)
		v := visit(t, s)
		v.post("/sign-in", credentials("ann", "long enough"), 200, "third")
		listen(t, s, "0", last, func() {
			v.post("/entries", url.Values{"text": {"fourth"}}, 200, "")
		}, "third", "fourth")
	})
}

// listen reads events until all of want have come, in that order and no others. do runs once the
// first is there. It returns the last ID.
func listen(
	t *testing.T, s *lwantest.Server, after, last string, do func(), want ...string,
) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/events?after="+after, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var ev lwan.Event
	for ev = range lwantest.Events(resp.Body) {
		if ev.Name != "entry" {
			continue
		}
		if !strings.Contains(ev.Data, `<p class="text">`+want[0]+"</p>") {
			t.Fatalf("%s, want %q", ev.Data, want[0])
		}
		if do != nil {
			do()
			do = nil
		}
		if want = want[1:]; len(want) == 0 {
			return ev.ID
		}
	}
	t.Fatal("the stream has ended")
	return ""
}

func TestAdmin(t *testing.T) {
	srv := &lwan.Server{Routes: lwan.Routes{}}
	srv.Endpoints = []lwan.Endpoint{{Addr: "127.0.0.1:0", Routes: adminRoutes()}}
	s := lwantest.Start(t, srv)
	v := visit(t, s)
	for path, want := range map[string]string{
		"/metrics": "golwan_requests_total", "/debug/pprof/cmdline": "board",
	} {
		status, body := v.ask("GET", path, "", "")
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
}
