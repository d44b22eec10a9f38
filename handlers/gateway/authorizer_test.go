package gateway

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	gofcgi "net/http/fcgi"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golwan/golwan/handlers/gateway/internal/fcgi"
	"github.com/golwan/golwan/lwan"
)

// asked is what an authorizer was asked.
type asked struct {
	role   int
	keep   bool
	params map[string]string
}

// readAsked reads a request up to the end of its parameters, as applications do.
func readAsked(r io.Reader) (q asked, err error) {
	var params []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return q, err
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(r, content); err != nil {
			return q, err
		}
		content = content[:len(content)-int(head[6])]
		switch kind := head[1]; {
		case kind == 1:
			q.role, q.keep = int(binary.BigEndian.Uint16(content)), content[2]&1 != 0
		case kind == 4 && len(content) > 0:
			params = append(params, content...)
		case kind == 4:
			q.params, err = paramsOf(params)
			return q, err
		default:
			return q, errors.New("a record that an authorizer is not sent")
		}
	}
}

func paramsOf(b []byte) (map[string]string, error) {
	all := map[string]string{}
	size := func() int {
		n := int(b[0])
		if n < 0x80 {
			b = b[1:]
			return n
		}
		n = int(binary.BigEndian.Uint32(b) & 0x7fffffff)
		b = b[4:]
		return n
	}
	for len(b) > 0 {
		n, m := size(), size()
		name := string(b[:n])
		if _, twice := all[name]; twice {
			return nil, errors.New(name + " is there twice")
		}
		all[name] = string(b[n : n+m])
		b = b[n+m:]
	}
	return all, nil
}

// newAuthorizer is an application that answers each request with what answer says.
func newAuthorizer(t testing.TB, answer func(q asked) string) *backend {
	t.Helper()
	return newBackend(t, func(c net.Conn, r *bufio.Reader) {
		for {
			q, err := readAsked(r)
			if err == io.EOF {
				return
			}
			if err != nil || q.role != int(fcgi.Authorizer) {
				t.Errorf("%+v, %v", q, err)
				return
			}
			text := answer(q)
			if text == "" {
				return
			}
			_, err = io.WriteString(c, fcgiRecord(6, text)+fcgiRecord(3, fcgiEnd))
			if err != nil || !q.keep {
				return
			}
		}
	})
}

// serveAuthorized starts a server with what an authorizer has to allow.
func serveAuthorized(t testing.TB, c AuthorizerConfig, mount func(r *lwan.Routes)) *site {
	t.Helper()
	s := &site{log: new(lines), group: c.To}
	srv := &lwan.Server{Log: s.log.logger(), Loops: 1}
	mw, err := Authorizer(c)
	if err != nil {
		t.Fatal(err)
	}
	srv.Mount("/", Opener(c.To))
	mount(srv.Group("/in", mw))
	s.start(t, srv)
	return s
}

// TestAuthorizer: 200 lets a request pass, with its content and what was said of it; every other
// answer is the client's.
func TestAuthorizer(t *testing.T) {
	for _, keep := range []bool{false, true} {
		b := newAuthorizer(t, func(q asked) string {
			for _, name := range []string{
				"CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME",
			} {
				if _, told := q.params[name]; told {
					t.Errorf("%s is told", name)
				}
			}
			if q.params["HTTP_AUTHORIZATION"] != "Bearer ann" {
				return "Status: 401 Who\r\nWWW-Authenticate: Bearer\r\n" +
					"Content-Type: a/b\r\n\r\nwho?"
			}
			return "Status: 200 OK\r\nContent-Type: a/b\r\nVariable-REMOTE_USER: ann\r\n" +
				"Variable-SEEN: " + q.params["REQUEST_METHOD"] + q.params["REQUEST_URI"] +
				q.params["OWN"] + "\r\n\r\nnobody reads this"
		})
		c := AuthorizerConfig{To: groupOf(b), KeepConns: keep, Vars: map[string]string{"OWN": "!"}}
		script := fcgiBackend(t, func(w http.ResponseWriter, r *http.Request) {
			env := gofcgi.ProcessEnv(r)
			io.WriteString(w, env["REMOTE_USER"]+" "+env["SEEN"]+" "+readAll(r.Body))
		})
		s := serveAuthorized(t, c, func(r *lwan.Routes) {
			r.Handle("/own", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				text, err := req.BodyBytes()
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, Variable(req, "REMOTE_USER")+" "+Variable(req, "SEEN")+" "+
					string(text)+Variable(req, "NONE"))
			})
			r.Mount("/app", FastCGI.With(ScriptConfig{
				Common: Common{To: &Group{Backends: []Backend{{Address: script}}}}}))
		})
		ask := func(path, who, content string) (*http.Response, string) {
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+path,
				strings.NewReader(content))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+who)
			resp, err := s.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			return resp, readAll(resp.Body)
		}
		for _, content := range []string{"", "short", strings.Repeat("long", 50_000)} {
			for _, path := range []string{"/in/own", "/in/app/x?y=z"} {
				resp, got := ask(path, "ann", content)
				want := "ann POST" + path + "! " + content
				if resp.StatusCode != 200 || got != want {
					t.Errorf("%s: %d %.100q, want %.100q", path, resp.StatusCode, got, want)
				}
				resp, got = ask(path, "bob", content)
				if resp.StatusCode != 401 || got != "who?" ||
					resp.Header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("%s: %d %q %v", path, resp.StatusCode, got, resp.Header)
				}
			}
		}
		if st := c.To.Stats()[0]; keep != (st.Reused > 0) || st.Failed != 0 || st.Active != 0 {
			t.Errorf("keep %v: %+v", keep, st)
		}
	}
}

// TestAuthorizerFails: what is not allowed does not pass, whatever goes wrong.
func TestAuthorizerFails(t *testing.T) {
	const ok = "Content-Type: a/b\r\n\r\n"
	for name, tt := range map[string]struct {
		answer string
		status int
	}{
		"closes":    {"", 502},
		"no head":   {"hello", 502},
		"forbidden": {"Status: 403 No\r\n" + ok + "no", 403},
		"moved":     {"Location: http://example.org/\r\n\r\n", 302},
		"created":   {"Status: 201 Yes\r\n" + ok, 201},
		"long":      {ok + strings.Repeat("x", 65529-len(ok)-1), 200},
	} {
		b := newAuthorizer(t, func(asked) string { return tt.answer })
		var passed atomic.Bool
		s := serveAuthorized(t, AuthorizerConfig{To: groupOf(b)}, func(r *lwan.Routes) {
			r.Handle("/own", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
				passed.Store(true)
				return resp.Text(200, "in")
			})
		})
		c := *s.Client
		c.CheckRedirect = func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}
		resp, err := c.Get(s.URL + "/in/own")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status || passed.Load() != (tt.status == 200) {
			t.Errorf("%s: %d, passed %v", name, resp.StatusCode, passed.Load())
		}
	}
}

// TestAuthorizerCut: an answer that would let the request pass, and does not end, is none.
func TestAuthorizerCut(t *testing.T) {
	const head = "Content-Type: a/b\r\n\r\n"
	full := fcgiRecord(6, strings.Repeat("x", 65528))
	for name, raw := range map[string]string{
		"no end":   fcgiRecord(6, head),
		"too long": fcgiRecord(6, head) + full + full,
	} {
		b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
			if _, err := readAsked(r); err == nil {
				io.WriteString(c, raw)
			}
		})
		s := serveAuthorized(t, AuthorizerConfig{To: groupOf(b)}, func(r *lwan.Routes) {
			r.Handle("/own", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
				t.Error(name, " has passed")
				return resp.Text(200, "in")
			})
		})
		if status, _, _ := s.get(t, "/in/own"); status != 502 {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// TestAuthorizerNotOpen: without a module that opens its group nothing passes.
func TestAuthorizerNotOpen(t *testing.T) {
	if _, err := Authorizer(AuthorizerConfig{}); err == nil {
		t.Error("without a group")
	}
	closed := &Group{Backends: []Backend{{Address: "127.0.0.1:1"}}}
	mw, err := Authorizer(AuthorizerConfig{To: closed})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{log: new(lines)}
	srv := &lwan.Server{Log: s.log.logger(), Loops: 1}
	srv.Handle("/x", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		t.Error("it has passed")
		return resp.Text(200, "in")
	}, mw)
	s.start(t, srv)
	if status, _, _ := s.get(t, "/x"); status != 500 {
		t.Errorf("%d", status)
	}
}
