package handlers_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestSessionsNamed(t *testing.T) {
	s, err := handlers.NewSessions[sessionUser](handlers.SessionsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	srv.Use(s.Middleware, s.Named(func(u sessionUser) string { return u.User }))
	srv.Handle("POST /start", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if err := s.Start(req, resp, sessionUser{User: req.Query("user")}); err != nil {
			return resp.Fail(err)
		}
		return 204
	})
	srv.Handle("GET /own", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		who, _ := handlers.UserKey.Get(req)
		return resp.Text(200, who)
	}, handlers.RequireUser)
	h := lwantest.Build(t, srv)
	for user, want := range map[string]int{"ann": 200, "": 401} {
		in := lwantest.Do(t, h, httptest.NewRequest("POST", "/start?user="+user, nil))
		cookie, _, _ := strings.Cut(in.Header.Get("Set-Cookie"), ";")
		r := httptest.NewRequest("GET", "/own", nil)
		r.Header.Set("Cookie", cookie)
		got := lwantest.Do(t, h, r)
		if got.Status != want || want == 200 && got.Body != user {
			t.Errorf("%q: %d %s, want %d", user, got.Status, got.Body, want)
		}
	}
	if got := lwantest.Do(t, h, httptest.NewRequest("GET", "/own", nil)); got.Status != 401 {
		t.Errorf("no session: %d", got.Status)
	}
}
