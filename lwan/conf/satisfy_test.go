package conf

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSatisfyAny: who is kept out by the address is asked, in the block alone that says so, and who
// comes in by it cannot say by a field who he is.
func TestSatisfyAny(t *testing.T) {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "good" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Header().Set("X-User", "joe")
	}))
	defer service.Close()
	h := build(t, `site {
    at /any {
        auth_request { to = `+service.URL+`/
                       copy = X-User }
        access { allow = 10.0.0.0/8
                 all = deny
                 deny_suffixes = .bak
                 satisfy = any }
    }
    at /any/more {
        auth_basic { users { ann = "$2a$04$xxxxxxxxxxxxxxxxxxxxxxuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } }
    }
    at /all {
        access { allow = 10.0.0.0/8
                 all = deny }
        auth_request { to = `+service.URL+`/ }
    }
    &user /
}
`)
	for _, tt := range []struct{ request, want string }{
		{"GET /any a 10.1.1.1", "200 user "},
		{"GET /any a 10.1.1.1 X-User: root", "200 user "},
		{"GET /any/x.bak a 10.1.1.1", "403"},
		{"GET /any/x.bak a 192.0.2.1 Authorization: good", "403"},
		{"GET /any a 192.0.2.1", "401"},
		{"GET /any a 192.0.2.1 X-User: root", "401"},
		{"GET /any a 192.0.2.1 Authorization: bad", "401"},
		{"GET /any a 192.0.2.1 Authorization: good", "200 user joe"},
		{"GET /%61ny a 192.0.2.1", "401"},
		{"GET /x/../any a 192.0.2.1", "401"},
		{"GET /any/more a 10.1.1.1", "401"}, // what is further inside counts for itself
		{"GET /all a 10.1.1.1", "401"},
		{"GET /all a 10.1.1.1 Authorization: good", "200 user "},
		{"GET /all a 192.0.2.1 Authorization: good", "403"},
		{"GET / a 192.0.2.1 X-User: root", "200 user root"},
	} {
		r := ask(t, h, tt.request)
		got := http.StatusText(r.Status)
		if status, text, ok := strings.Cut(tt.want, " "); ok {
			got, tt.want = r.Body, text
			if status != "200" || r.Status != 200 {
				t.Errorf("%s: %d", tt.request, r.Status)
			}
		} else {
			tt.want = map[string]string{"401": "Unauthorized", "403": "Forbidden"}[status]
		}
		if got != tt.want {
			t.Errorf("%s: %d %q, want %q", tt.request, r.Status, got, tt.want)
		}
	}
}

// TestSatisfyMistakes: any needs one filter that asks, in its own block.
func TestSatisfyMistakes(t *testing.T) {
	const (
		any  = "access {\nsatisfy = any\n}\n"
		asks = "auth_request {\nto = http://127.0.0.1:1/\n}\n"
		none = "there are 0"
	)
	for text, want := range map[string]string{
		any:                                none,
		any + "at /x {\n" + asks + "}\n":   none,
		asks + "at /x {\n" + any + "}\n":   none,
		any + "if always {\n" + asks + "}": none,
		asks + "response /x {\ncode = 200\n" + any + "}\n": none,
		any + asks + asks:                "there are 2",
		any + any + asks:                 "there are two access",
		"access {\nsatisfy = some\n}\n":  `"some" is none of`,
		any + asks:                       "",
		asks + any:                       "",
		"at /x {\n" + asks + any + "}\n": "",
		"response /x {\ncode = 200\n" + asks + any + "}\n": "",
	} {
		_, err := LoadText("x", "site {\n"+text+"\n}\n", Standard(), Options{Getenv: noEnv})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	_, err := LoadText("x", any+asks+"site { }\n", Standard(), Options{Getenv: noEnv})
	if err != nil {
		t.Errorf("at the top: %v", err)
	}
}
