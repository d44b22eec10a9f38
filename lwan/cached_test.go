package lwan

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"
)

// shelf is a cache that writes down what is done with it.
type shelf struct {
	values map[string]string
	did    []string
	err    error
}

type shelfRef struct {
	of    *shelf
	value string
}

func (r shelfRef) Release() { r.of.did = append(r.of.did, "release "+r.value) }

func (s *shelf) Peek(key string) (shelfRef, bool) {
	v, ok := s.values[key]
	return shelfRef{s, v}, ok
}

func (s *shelf) Get(ctx context.Context, key string) (shelfRef, error) {
	s.did = append(s.did, "get "+key)
	if s.err != nil {
		return shelfRef{}, s.err
	}
	return shelfRef{s, "made of " + key}, ctx.Err()
}

func TestCached(t *testing.T) {
	tests := []struct {
		name, body string
		err        error
		code       int
		did        []string
	}{
		{"hit", "old", nil, 200, []string{"answer", "release old"}},
		{"miss", "made of miss", nil, 200, []string{"get miss", "answer", "release made of miss"}},
		{"miss", "404 Not Found\n", &Error{Status: 404}, 404, []string{"get miss", "answer"}},
		{"miss", "500 Internal Server Error\n", errors.New("secret"), 500,
			[]string{"get miss", "answer"}},
	}
	for _, tt := range tests {
		src := &shelf{values: map[string]string{"hit": "old"}, err: tt.err}
		srv := &Server{Log: slog.New(slog.DiscardHandler)}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ref, err := Cached(req, src, tt.name)
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, ref.value)
		})
		h, err := srv.Build()
		if err != nil {
			t.Fatal(err)
		}
		rec := &answerRecorder{httptest.NewRecorder(), src}
		ToHTTP(h).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if rec.Code != tt.code || rec.Body.String() != tt.body || !slices.Equal(src.did, tt.did) {
			t.Errorf("%s: %d %q, %q; want %q", tt.name, rec.Code, rec.Body, src.did, tt.did)
		}
	}
}

// answerRecorder writes down when the answer goes out.
type answerRecorder struct {
	*httptest.ResponseRecorder
	src *shelf
}

func (r *answerRecorder) Write(p []byte) (int, error) {
	r.src.did = append(r.src.did, "answer")
	return r.ResponseRecorder.Write(p)
}

// On a loop: a hit does not wait, a miss is made elsewhere; and each reference is released once.
func TestCachedOnLoop(t *testing.T) {
	t.Parallel()
	src := &shelf{values: map[string]string{"hit": "old"}}
	srv := new(Server)
	srv.Handle("GET /{key}", func(req *Request, resp *Response) Status {
		ref, err := Cached(req, src, req.Param("key"))
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, ref.value)
	})
	url, stop := listening(t, srv)
	for _, tt := range [][2]string{{"hit", "old"}, {"miss", "made of miss"}, {"hit", "old"}} {
		status, got := fetchOnce(t, "GET", url+"/"+tt[0], "", "")
		if status != 200 || got != tt[1] {
			t.Errorf("%s: %d %q, want %q", tt[0], status, got, tt[1])
		}
	}
	stop()
	slices.Sort(src.did)
	want := []string{"get miss", "release made of miss", "release old", "release old"}
	if !slices.Equal(src.did, want) {
		t.Errorf("%q, want %q", src.did, want)
	}
}
