package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// lineOf is the line of one request, which asks for target, as agent, and is user.
func lineOf(t testing.TB, line handlers.LogLine, target, agent, user string) string {
	t.Helper()
	var log strings.Builder
	srv := &lwan.Server{}
	access := handlers.AccessLogOf(&log, line)
	srv.Observe(access)
	srv.Use(handlers.RequestID)
	srv.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if user != "" {
			handlers.UserKey.Set(req, user)
		}
		resp.SetHeader("Cache", "hit")
		return resp.Text(201, "body")
	})
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "example.com"
	r.Header.Set("User-Agent", agent)
	r.Header.Set("X-Request-Id", "4711")
	lwantest.Do(t, lwantest.Build(t, srv), r)
	if err := access.Close(); err != nil {
		t.Fatal(err)
	}
	return log.String()
}

func TestLogLines(t *testing.T) {
	for _, tt := range []struct{ format, user, want string }{
		{`%{remote_addr} %{user} "%{request}" %{status} %{bytes}`, "ann lee",
			`192.0.2.1 ann\x20lee "GET /a?b=%22 HTTP/1.1" 201 4`},
		{"%{method} %{target} %{path} %{host} %{scheme} %{proto} %{request_id}", "",
			"GET /a?b=%22 /a example.com http HTTP/1.1 4711"},
		{"%{user} %{header user-agent} %{header None} %{response Cache} %{response None} 100%%", "",
			`- a\x22b - hit - 100%`},
		{"a\nb", "", "a b"},
	} {
		line, err := handlers.ParseLogLine(tt.format)
		if err != nil {
			t.Fatal(err)
		}
		if got := lineOf(t, line, "/a?b=%22", `a"b`, tt.user); got != tt.want+"\n" {
			t.Errorf("%s: %q, want %q", tt.format, got, tt.want)
		}
	}
	line, err := handlers.ParseLogLine("%{time} %{took}")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4} \d+\.\d{6}\n$`)
	if got := lineOf(t, line, "/", "", ""); !want.MatchString(got) {
		t.Errorf("%q", got)
	}
	for _, text := range []string{"", "%", "%x", "%{", "%{none}", "%{header }", "%{header a b}"} {
		if _, err := handlers.ParseLogLine(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if got := lineOf(t, handlers.CombinedLine, "/", "x", "a b\n"); !strings.HasPrefix(got,
		`192.0.2.1 - a\x20b\x0A [`) {
		t.Errorf("the user of a combined line: %s", got)
	}
}

func TestJSONLine(t *testing.T) {
	got := lineOf(t, handlers.JSONLine, "/a?b", "\"ä\tx", "ann")
	var fields map[string]any
	if err := json.Unmarshal([]byte(got), &fields); err != nil {
		t.Fatalf("%q: %v", got, err)
	}
	for name, want := range map[string]any{
		"remote": "192.0.2.1", "user": "ann", "id": "4711", "method": "GET", "scheme": "http",
		"host": "example.com", "target": "/a?b", "proto": "HTTP/1.1", "status": 201.0, "bytes": 4.0,
		"referer": "", "agent": "\"Ã¤\tx",
	} {
		if fields[name] != want {
			t.Errorf("%s is %v, want %v", name, fields[name], want)
		}
	}
	if fields["time"] == "" || fields["took"] == nil || len(fields) != 14 {
		t.Errorf("%v", fields)
	}
}

// FuzzLogLines: whatever a client sends, a line is one line of printable ASCII, and JSON is JSON.
func FuzzLogLines(f *testing.F) {
	f.Add("agent", "user")
	f.Add("\"\\\x1b[31m\x00\xff ä", "a b\n\"\\")
	f.Add(strings.Repeat("x", 5000), strings.Repeat("\x80 ", 3000))
	own, err := handlers.ParseLogLine("\"%{header User-Agent}\" %{user} x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, agent, user string) {
		// no field has these
		agent = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(agent)
		for name, line := range map[string]handlers.LogLine{
			"combined": handlers.CombinedLine, "json": handlers.JSONLine, "own": own,
		} {
			got := lineOf(t, line, "/", agent, user)
			if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") ||
				strings.ContainsFunc(got[:len(got)-1],
					func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%s: %q", name, got)
			}
			if name == "json" && !json.Valid([]byte(got)) {
				t.Fatalf("no JSON: %s", got)
			}
			if name == "own" && strings.Count(got, `"`) != 2 {
				t.Fatalf("a quote of the client's: %s", got)
			}
		}
	})
}

func ExampleParseLogLine() {
	t := new(testing.B) // an example has no test of its own
	line, err := handlers.ParseLogLine(`%{remote_addr} "%{request}" %{status}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	access := handlers.AccessLogOf(os.Stdout, line)
	srv.Observe(access)
	lwantest.Get(t, lwantest.Build(t, srv), "/here")
	if err := access.Close(); err != nil { // else the server does that at its end
		fmt.Println(err)
	}
	// Output: 192.0.2.1 "GET /here HTTP/1.1" 404
}
