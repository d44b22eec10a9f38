package conf

import "testing"

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
