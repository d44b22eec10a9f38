package handlers_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// corsFields are those of an answer that are about it: "Allow-Origin" to their value.
func corsFields(h http.Header) map[string]string {
	fields := map[string]string{}
	for name, values := range h {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok {
			fields[short] = strings.Join(values, "|")
		} else if name == "Vary" {
			fields[name] = strings.Join(values, "|")
		}
	}
	return fields
}

func TestCORS(t *testing.T) {
	list := handlers.CORSConfig{Origins: []string{"https://a.example", "http://b.example:8080"}}
	secret := handlers.CORSConfig{
		Origins: []string{"https://a.example"}, Credentials: true,
		Expose: []string{"X-One", "X-Two"},
	}
	all := handlers.CORSConfig{Origins: []string{"*"}}
	bold := handlers.CORSConfig{Origins: []string{"*", "https://a.example"}, Credentials: true}
	type m = map[string]string
	for _, tt := range []struct {
		name    string
		config  handlers.CORSConfig
		origins []string // of the request
		want    m
	}{
		{"listed", list, []string{"https://a.example"},
			m{"Allow-Origin": "https://a.example", "Vary": "Origin"}},
		{"with a port", list, []string{"http://b.example:8080"},
			m{"Allow-Origin": "http://b.example:8080", "Vary": "Origin"}},
		{"not listed", list, []string{"https://c.example"}, m{"Vary": "Origin"}},
		{"other port", list, []string{"http://b.example"}, m{"Vary": "Origin"}},
		{"other scheme", list, []string{"http://a.example"}, m{"Vary": "Origin"}},
		{"longer", list, []string{"https://a.example.org"}, m{"Vary": "Origin"}},
		{"shorter", list, []string{"https://a.exampl"}, m{"Vary": "Origin"}},
		{"below", list, []string{"https://x.a.example"}, m{"Vary": "Origin"}},
		{"null", list, []string{"null"}, m{"Vary": "Origin"}},
		{"empty", list, []string{""}, m{"Vary": "Origin"}},
		{"none", list, nil, m{"Vary": "Origin"}},
		{"nobody", handlers.CORSConfig{}, []string{"https://a.example"}, m{}},
		{"null by name", handlers.CORSConfig{Origins: []string{"null"}}, []string{"null"},
			m{"Allow-Origin": "null", "Vary": "Origin"}},
		{"everybody", all, []string{"https://c.example"}, m{"Allow-Origin": "*"}},
		{"everybody, none", all, nil, m{"Allow-Origin": "*"}},
		{"credentials", secret, []string{"https://a.example"}, m{
			"Allow-Origin": "https://a.example", "Allow-Credentials": "true",
			"Expose-Headers": "X-One, X-Two", "Vary": "Origin",
		}},
		{"credentials, not listed", secret, []string{"https://c.example"}, m{"Vary": "Origin"}},
		{"bold, listed", bold, []string{"https://a.example"},
			m{"Allow-Origin": "https://a.example", "Allow-Credentials": "true", "Vary": "Origin"}},
		{"bold, not listed", bold, []string{"https://c.example"},
			m{"Allow-Origin": "*", "Vary": "Origin"}},
		{"bold, none", bold, nil, m{"Allow-Origin": "*", "Vary": "Origin"}},
		{"config in another form", handlers.CORSConfig{Origins: []string{"HTTPS://A.Example:443/"}},
			[]string{"https://a.example"},
			m{"Allow-Origin": "https://a.example", "Vary": "Origin"}},
		{"default port of HTTP", handlers.CORSConfig{Origins: []string{"http://a.example:80"}},
			[]string{"http://a.example"},
			m{"Allow-Origin": "http://a.example", "Vary": "Origin"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest(t, "GET", "/")
			r.Header["Origin"] = tt.origins
			got := lwantest.Do(t, handlers.CORS(tt.config)(page(200, "body")), r)
			fields := corsFields(got.Header)
			if !reflect.DeepEqual(fields, tt.want) || got.Body != "body" {
				t.Errorf("%v %+v", fields, got)
			}
		})
	}
}

func TestCORSPreflight(t *testing.T) {
	origins := []string{"https://a.example"}
	type m = map[string]string
	const methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	for _, tt := range []struct {
		name   string
		config handlers.CORSConfig
		origin string
		asked  string // Access-Control-Request-Headers
		want   m
	}{
		{"defaults", handlers.CORSConfig{Origins: origins}, origins[0], "content-type,x-one", m{
			"Allow-Origin": origins[0], "Allow-Methods": methods,
			"Allow-Headers": "content-type,x-one", "Vary": "Origin|Access-Control-Request-Headers",
		}},
		{"nothing asked", handlers.CORSConfig{Origins: origins}, origins[0], "", m{
			"Allow-Origin": origins[0], "Allow-Methods": methods,
			"Vary": "Origin|Access-Control-Request-Headers",
		}},
		{"lists", handlers.CORSConfig{
			Origins: origins, Methods: []string{"GET", "PURGE"},
			Headers: []string{"X-One", "X-Two"}, Expose: []string{"X-Three"}, Credentials: true,
			MaxAge: 90 * time.Minute,
		}, origins[0], "x-four", m{
			"Allow-Origin": origins[0], "Allow-Methods": "GET, PURGE",
			"Allow-Headers": "X-One, X-Two", "Allow-Credentials": "true",
			"Max-Age": "5400", "Vary": "Origin",
		}},
		{"everybody", handlers.CORSConfig{Origins: []string{"*"}, MaxAge: -1},
			"https://c.example", "x-one", m{
				"Allow-Origin": "*", "Allow-Methods": methods, "Allow-Headers": "x-one",
				"Max-Age": "0", "Vary": "Access-Control-Request-Headers",
			}},
		{"not listed", handlers.CORSConfig{Origins: origins, Credentials: true},
			"https://c.example", "x-one", m{"Vary": "Origin"}},
		{"part of a second", handlers.CORSConfig{Origins: origins, MaxAge: time.Millisecond},
			origins[0], "", m{
				"Allow-Origin": origins[0], "Allow-Methods": methods, "Max-Age": "1",
				"Vary": "Origin|Access-Control-Request-Headers",
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest(t, "OPTIONS", "/", "Origin", tt.origin, "Access-Control-Request-Method",
				"PUT")
			if tt.asked != "" {
				r.Header.Set("Access-Control-Request-Headers", tt.asked)
			}
			got := lwantest.Do(t, handlers.CORS(tt.config)(page(200, "the handler ran")), r)
			fields := corsFields(got.Header)
			if !reflect.DeepEqual(fields, tt.want) || got.Status != 204 || got.Body != "" {
				t.Errorf("%v %+v", fields, got)
			}
		})
	}
}

// On a group, preflights get through where the group has no route for OPTIONS, and authentication
// inside of CORS is not asked. Errors too say which origins may read them.
func TestCORSGroup(t *testing.T) {
	srv := &lwan.Server{}
	auth := func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if req.Header("Authorization") == "" {
				return 401
			}
			return next(req, resp)
		}
	}
	undo := func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			st := next(req, resp)
			if st == 503 {
				resp.Reset()
				return resp.Text(200, "instead")
			}
			return st
		}
	}
	api := srv.Group("/api", undo,
		handlers.CORS(handlers.CORSConfig{Origins: []string{"https://a.example"}}), auth)
	api.Handle("PUT /x", page(200, "x"))
	api.Handle("GET /panic", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		panic("oops")
	})
	api.Handle("GET /busy", page(503, ""))
	srv.Handle("GET /page", page(200, "page"))
	s := lwantest.Start(t, srv)
	for _, tt := range []struct {
		method, path, asks, token string
		status                    int
		origin                    string
	}{
		{"OPTIONS", "/api/x", "PUT", "", 204, "https://a.example"},
		{"OPTIONS", "/api/x", "", "t", 204, "https://a.example"},
		{"OPTIONS", "/api/x", "", "", 401, "https://a.example"},
		{"PUT", "/api/x", "", "", 401, "https://a.example"},
		{"PUT", "/api/x", "", "t", 200, "https://a.example"},
		{"GET", "/api/x", "", "t", 405, "https://a.example"},
		{"GET", "/api/panic", "", "t", 500, "https://a.example"},
		{"GET", "/api/busy", "", "t", 200, "https://a.example"},
		{"GET", "/page", "", "", 200, ""},
		{"OPTIONS", "/page", "GET", "", 204, ""},
		{"OPTIONS", "/nowhere", "GET", "", 404, ""},
	} {
		r := newRequest(t, tt.method, s.URL+tt.path, "Origin", "https://a.example")
		if tt.asks != "" {
			r.Header.Set("Access-Control-Request-Method", tt.asks)
		}
		if tt.token != "" {
			r.Header.Set("Authorization", tt.token)
		}
		head, _ := roundTrip(t, s, r)
		origin := head.Header.Get("Access-Control-Allow-Origin")
		if head.StatusCode != tt.status || origin != tt.origin {
			t.Errorf("%+v: %d %q", tt, head.StatusCode, head.Header)
		}
	}
}
