package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestTarget(t *testing.T) {
	for _, tt := range []struct{ here, there, path, want string }{
		{"", "", "/", "/"},
		{"", "", "/a b/c", "/a%20b/c"},
		{"/app", "/app", "/app/x", "/app/x"}, // KeepPath
		{"/app", "/app", "/app", "/app"},
		{"/app", "", "/app/x", "/x"},
		{"/app", "", "/app", "/"},
		{"/app", "", "/app/", "/"},
		{"/app", "/v1/ö", "/app/x", "/v1/%C3%B6/x"},
		{"/app", "/v1", "/app", "/v1"},
		{"", "/v1", "/x", "/v1/x"},
		{"", "", "/a\x00b", "/a%2Fb"},
		{"", "", "/100%", "/100%25"},
		{"", "", "/%2e%2e", "/%252e%252e"}, // it was sent as %252e%252e
		{"", "", "/a?b#c", "/a%3Fb%23c"},
		{"", "", "/a;b=c,d:@!$&'()*+", "/a;b=c,d:@!$&'()*+"},
		{"", "", "/\\\x7f\xff\"<>^`{|}", "/%5C%7F%FF%22%3C%3E%5E%60%7B%7C%7D"},
	} {
		p := prefixes{tt.here, tt.there}
		if got := string(p.appendPath(nil, []byte(tt.path))); got != tt.want {
			t.Errorf("%q at %q for %q: %q, want %q", tt.path, tt.here, tt.there, got, tt.want)
		}
	}
}

// FuzzTarget lets net/url decode what was encoded.
func FuzzTarget(f *testing.F) {
	f.Add("/a b/ü%2e")
	f.Add("/..")
	f.Fuzz(func(t *testing.T, path string) {
		if path == "" || path[0] != '/' || strings.Contains(path, "\x00") {
			return
		}
		encoded := string(appendPath(nil, path))
		if strings.ContainsAny(encoded, " \r\n\t?#") {
			t.Fatalf("%q", encoded)
		}
		if back, err := url.PathUnescape(encoded); err != nil || back != path {
			t.Fatalf("%q became %q: %v", path, back, err)
		}
		if _, err := http.NewRequest("GET", "http://h"+encoded, nil); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFieldsOfTheHop(t *testing.T) {
	for _, name := range []string{
		"Connection", "keep-alive", "TE", "Trailer", "Transfer-Encoding", "UPGRADE",
		"Content-Length",
		"Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Proxy", "Host", "Expect",
	} {
		if !ofHop([]byte(name)) {
			t.Errorf("%s would be passed on", name)
		}
	}
	for _, name := range []string{
		"Cookie", "T", "Tf", "Connections", "Content-Type", "Content-Lengths", "Proxied",
		"X-Forwarded-For",
		"Authorization", "Expected", "Hosts", "", "Prox", "Upgrade-Insecure-Requests",
	} {
		if ofHop([]byte(name)) {
			t.Errorf("%s would be dropped", name)
		}
	}
	for _, name := range []string{
		"Forwarded", "X-Real-Ip", "x-forwarded-for", "X-Forwarded-Proto", "X-FORWARDED-HOST",
		"X_Forwarded_For", "x-Real_IP",
	} {
		if !ofForwarding([]byte(name)) || ofForwarding([]byte(name+"s")) {
			t.Errorf("%s is not known", name)
		}
	}
	for _, tt := range []struct {
		list, token string
		want        bool
	}{
		{"", "a", false}, {"a", "A", true}, {"close, X-Foo", "x-foo", true},
		{"x-foo-bar", "x-foo", false},
		{" ,,\tX-Foo ,", "x-foo", true}, {"a,b", "", false},
	} {
		if got := listed(tt.list, []byte(tt.token)); got != tt.want {
			t.Errorf("listed(%q, %q) = %v", tt.list, tt.token, got)
		}
	}
	for value, want := range map[string]bool{
		"": true, "close": true, "Keep-Alive": true, "upgrade": true, "X-Foo": false,
		"close, X": false, "keep-alivf": false,
	} {
		if got := plainConnection(value); got != want {
			t.Errorf("plainConnection(%q) = %v", value, got)
		}
	}
}

func TestVars(t *testing.T) {
	for name, want := range map[string]string{
		"Accept": "HTTP_ACCEPT", "x-forwarded-for": "HTTP_X_FORWARDED_FOR", "X-A1": "HTTP_X_A1",
		"Proxy": "", "PROXY": "", "X_Forwarded_For": "", "X.Y": "", "Content-Length": "",
		"Content-Type": "", "Connection": "", "Authorization": "HTTP_AUTHORIZATION", "X~": "",
	} {
		got, ok := appendVar([]byte("="), []byte(name))
		if ok != (want != "") || string(got) != "="+want {
			t.Errorf("%s became %q, %v; want %q", name, got, ok, want)
		}
	}
}
