package lwan

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// urlRequest is a GET request of that target.
func urlRequest(t testing.TB, target string) *Request {
	req, _ := memoryRequest(t, "GET "+target+" HTTP/1.1\nHost: example.org:81", strings.NewReader(""))
	return req
}

func TestURL(t *testing.T) {
	for target, want := range map[string]string{
		"/":                         "http://example.org:81/",
		"/a/b?x=1&y=%32":            "http://example.org:81/a/b?x=1&y=%32",
		"/a%2Fb/%41":                "http://example.org:81/a%2Fb/%41",
		"/caf%C3%A9?q=a;b&c=%zz":    "http://example.org:81/caf%C3%A9?q=a;b&c=%zz",
		"http://other.example/x?":   "http://other.example/x",
		"http://other.example?y":    "http://other.example/?y",
		"/x?http://evil.example/?a": "http://example.org:81/x?http://evil.example/?a",
	} {
		req := urlRequest(t, target)
		got := req.URL()
		if got.String() != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
		_, query, _ := strings.Cut(target, "?")
		if req.RawQuery() != query {
			t.Errorf("%s: query %q", target, req.RawQuery())
		}
	}
}

func TestQueryWith(t *testing.T) {
	for _, tt := range []struct {
		query   string
		changes []string
		want    string
	}{
		{"", nil, "?"},
		{"", []string{"page", "2"}, "?page=2"},
		{"q=a+b&page=1&page=7&x=%41", []string{"page", "2"}, "?q=a+b&page=2&x=%41"},
		{"q=a&page=1", []string{"page", ""}, "?q=a"},
		{"q=a&page=1", []string{"page"}, "?q=a"},
		{"q=a&p%61ge=1", []string{"page", "2", "sort", "a&b=c d"}, "?q=a&page=2&sort=a%26b%3Dc+d"},
		{"&&q&", []string{"n", "1"}, "?q&n=1"},
		{"a;b=1&c=%zz&d=2", []string{"e", "3"}, "?d=2&e=3"},
		{"a=1", []string{"a", "2", "a", "3"}, "?a=2&a=3"},
	} {
		req := urlRequest(t, "/list?"+tt.query)
		if got := req.QueryWith(tt.changes...); got != tt.want {
			t.Errorf("%q with %q: %q, want %q", tt.query, tt.changes, got, tt.want)
		}
	}
}

// FuzzQueryWith: what was changed is changed, and what was not is there as before.
func FuzzQueryWith(f *testing.F) {
	f.Add("q=a+b&page=1&x=%41", "page", "2")
	f.Add("a;b&%zz", "a", "")
	f.Add("=&==", "", "x")
	f.Fuzz(func(t *testing.T, query, name, value string) {
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
			return // never gets here
		}
		req := urlRequest(t, "/?"+query)
		link := req.QueryWith(name, value)
		got, err := url.ParseQuery(link[1:])
		if err != nil {
			t.Fatalf("%q %q=%q: %q: %v", query, name, value, link, err)
		}
		want, _ := url.ParseQuery(query)
		want.Del(name)
		if value != "" {
			want.Set(name, value)
		}
		if got.Encode() != want.Encode() {
			t.Fatalf("%q %q=%q: %q, want %q", query, name, value, link, want.Encode())
		}
	})
}

func shown[K, V any](seq iter.Seq2[K, V]) (all []string) {
	for k, v := range seq {
		all = append(all, fmt.Sprint(k, "=", v))
	}
	return all
}

func TestWalks(t *testing.T) {
	req, _ := memoryRequest(t, "GET /?b=1&a=%32&b=&bad=%zz HTTP/1.1\nHost: h\n"+
		"Cookie: y=1; x=\"2\"; y=3; bad name=4", strings.NewReader(""))
	if got := shown(req.QueryPairs()); !slices.Equal(got, []string{"b=1", "a=2", "b="}) {
		t.Errorf("query: %q", got)
	}
	if got := shown(req.Cookies()); !slices.Equal(got, []string{"y=1", "x=2", "y=3"}) {
		t.Errorf("cookies: %q", got)
	}
	for range req.QueryPairs() {
		break // and nothing is called again
	}
	req, _ = formRequest(t, typeEncodedForm, "b=1&a=%32&b=3")
	f, err := req.Form()
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(f.Pairs()); !slices.Equal(got, []string{"b=1", "a=2", "b=3"}) {
		t.Errorf("urlencoded: %q", got)
	}
	if f.Files("a") != nil || shown(f.AllFiles()) != nil {
		t.Error("an urlencoded form has files")
	}
	req, _ = formRequest(t, testFormType, multipartBody("xyz", formPart{"b", "", "1"},
		formPart{"f", "1.txt", "one"}, formPart{"a", "", "2"}, formPart{"f", "2.txt", "two"},
		formPart{"b", "", "3"}, formPart{"e", "3.txt", "three"}))
	if f, err = req.Form(); err != nil {
		t.Fatal(err)
	}
	if got := shown(f.Pairs()); !slices.Equal(got, []string{"a=2", "b=1", "b=3"}) {
		t.Errorf("multipart: %q", got)
	}
	var files []string
	for name, file := range f.AllFiles() {
		files = append(files, name+"="+file.Filename)
	}
	if !slices.Equal(files, []string{"e=3.txt", "f=1.txt", "f=2.txt"}) {
		t.Errorf("files: %q", files)
	}
	if list := f.Files("f"); len(list) != 2 || list[1].Filename != "2.txt" || f.Files("x") != nil {
		t.Errorf("files of f: %v", list)
	}
}

// TestWalkWaits: a handler may wait between two pairs, while its buffer moves.
func TestWalkWaits(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		for name, value := range req.QueryPairs() {
			if err := req.Sleep(1); err != nil {
				return resp.Fail(err)
			}
			resp.Printf("%s=%s ", name, value)
		}
		for name, value := range req.Cookies() {
			if err := req.Sleep(1); err != nil {
				return resp.Fail(err)
			}
			resp.Printf("%s=%s ", name, value)
		}
		resp.SetContentType("text/x-pairs")
		resp.SetHeader("X-A", "1")
		for name, value := range resp.Headers() {
			resp.Printf("%s=%s ", name, value)
		}
		resp.Printf("%s", req.URL().RequestURI())
		return 200
	})
	base, stop := listening(t, srv)
	defer stop()
	r, err := http.NewRequest("GET", base+"/?a=1&b=%32&c=3", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "x=1; y=2")
	if got := answerTo(t, r); got != "a=1 b=2 c=3 x=1 y=2 "+
		"Content-Type=text/x-pairs X-A=1 /?a=1&b=%32&c=3" {
		t.Errorf("%q", got)
	}
}
