package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOtherwiseReroute: a front controller answers for what is no file, and who walks to it by a
// protected prefix passes what protects that.
func TestOtherwiseReroute(t *testing.T) {
	h := build(t, `site {
    if path =$ .php { &hello / }
    else { serve_files / {
        path = `+tree(t)+`
        auto_index = no
        otherwise_reroute = /index.php
    } }
    at /admin { access { all = deny } }
    at /index.php { response_headers { set { X-Front = yes } } }
}
`)
	for request, want := range map[string]string{
		"GET /a.txt": "text", "GET /": "home", "GET /nobody/here": "hello index.php",
		"POST /form": "hello index.php", "GET /d/": "hello index.php",
	} {
		if r := ask(t, h, request); r.Status != 200 || r.Body != want {
			t.Errorf("%s: %d %q", request, r.Status, r.Body)
		}
	}
	for _, request := range []string{"GET /admin/x", "GET /%61dmin/x", "POST /x/../admin/y"} {
		if r := ask(t, h, request); r.Status != 403 {
			t.Errorf("%s: %d %q", request, r.Status, r.Body)
		}
	}
	if r := ask(t, h, "GET /nobody"); r.Header.Get("X-Front") != "yes" {
		t.Errorf("the filters of the front controller are passed by: %v", r.Header)
	}
}

// TestTrees: a directory for each host, and one for each user.
func TestTrees(t *testing.T) {
	dir := tree(t)
	for _, name := range []string{"a.example", "people/joe/www"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "x"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := build(t, `site {
    vhosts / {
        path = `+dir+`/%0
        default = `+dir+`/admin
    }
    userdir /home {
        base = `+dir+`/people
        path = www
        auto_index = no
    }
    at /home/~joe/x { response_headers { set { X-Joe = yes } } }
}
`)
	for request, want := range map[string]string{
		"GET /x a.example": "200 a.example", "GET /secret.txt b.example": "200 secret",
		"GET /home/~joe/x": "200 people/joe/www", "GET /home/~joe/": "403",
		"GET /x b.example": "404",
		"GET /home/~eve/x": "404",
	} {
		if r := ask(t, h, request); !strings.HasPrefix(fmt.Sprint(r.Status, " ", r.Body), want) {
			t.Errorf("%s: %d %q, want %s", request, r.Status, r.Body, want)
		}
	}
	if r := ask(t, h, "GET /home/%7ejoe/x"); r.Header.Get("X-Joe") != "yes" {
		t.Errorf("an at is passed by: %v", r.Header)
	}
}
