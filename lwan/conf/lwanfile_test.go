package conf

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// lwanFile is what a file of Lwan's has in it: settings in several words, values without quotes and
// with them, text of several lines, sections without braces, variables and comments.
const lwanFile = `
# Timeout in seconds to keep a connection alive.
keep alive timeout = 15

# Set to true to not print any debugging messages.
quiet = false
threads = 0
proxy protocol = false
max post data size = 41k
allow_temp_files = ""
constants {
	user = ${USER:nobody}
	greeting = Hello, ${user}!
}
straitjacket {
}

listener *:8080 # all addresses

headers {
	Server = golwan of ${user}
}

site {
	&hello /hello
	&hello /admin {
		authorization basic {
			realm = Administration Page
			password file = DIR/htpasswd
		}
	}
	redirect /elsewhere { to = http://lwan.example.com }
	response /brew-coffee { code = 418 }
	response /say {
		code = 200
		body = '''several
lines, ${greeting}'''
	}
	serve_files / {
		path = DIR
		index path = index.html
		serve precompressed path = true
		cache for = 1h 30m
	}
}
`

// TestLwanFile: a file of Lwan's is read as Lwan reads it, and served.
func TestLwanFile(t *testing.T) {
	dir := tree(t)
	err := os.WriteFile(filepath.Join(dir, "htpasswd"), []byte("joe = secret\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(lwanFile, "DIR", dir)
	tree, r := parseText(text, nil)
	want := `keep_alive_timeout="15";quiet="false";threads="0";proxy_protocol="false";` +
		`max_post_data_size="41k";allow_temp_files="";` +
		`constants(){user="nobody";greeting="Hello, nobody!";}straitjacket(){}listener(*:8080){}` +
		`headers(){Server="golwan of nobody";}site(){&hello(/hello){}&hello(/admin){` +
		`authorization(basic){realm="Administration Page";password_file="DIR/htpasswd";}}` +
		`redirect(/elsewhere){to="http://lwan.example.com";}response(/brew-coffee){code="418";}` +
		`response(/say){code="200";body="several\nlines, ${greeting}";}serve_files(/){path="DIR";` +
		`index_path="index.html";serve_precompressed_path="true";cache_for="1h 30m";}}`
	if got := strings.ReplaceAll(dump(tree), dir, "DIR"); got != want || len(r.list) > 0 {
		t.Errorf("%s\nwant\n%s\n%v", got, want, r.list)
	}
	h := build(t, text)
	for asked, want := range map[string]string{
		"GET /hello/you":   "200 hello you",
		"GET /admin/x":     "401 *",
		"GET /elsewhere/x": "301 *",
		"GET /brew-coffee": "418 *",
		"GET /say":         "200 several\nlines, ${greeting}",
		"GET /":            "200 home",
		"GET /admin/you * 192.0.2.1 Authorization: Basic am9lOnNlY3JldA==": "200 hello you",
	} {
		got := ask(t, h, asked)
		status, body, _ := strings.Cut(want, " ")
		if got.Header.Get("Server") != "golwan of nobody" || strconv.Itoa(got.Status) != status ||
			body != "*" && got.Body != body {
			t.Errorf("%s: %d %q, want %s", asked, got.Status, got.Body, want)
		}
	}
}
