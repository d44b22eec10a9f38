package conf

import (
	"strconv"
	"strings"
	"testing"
)

// TestRewriteSections: rules before content is chosen, those below a prefix, and those in an if.
func TestRewriteSections(t *testing.T) {
	h := build(t, `
rewrite { match ^/everywhere$ { rewrite_as = /show/all } }
site {
	rewrite {
		match "^/blog/([0-9]{4})/([a-z-]+)$" { redirect_to = /articles/$2?year=$1 }
		pattern "^/p/(%d+)$" { rewrite_as = /hello/p%1 }
		match ^/p/ { rewrite_as = /hello/other }
		match ^/secret { rewrite_as = /admin/x }
		match "^/see/(.*)$" { redirect_to = https://b.test/$1
		                      code = 308 }
	}
	if header X-Old == yes {
		rewrite { match ^/x$ { rewrite_as = /hello/old } }
	}
	rewrite /pattern {
		pattern foo/(%d+)(%a)(%d+) { redirect to = /hello?name=%3%1 }
		pattern test.css {
			condition cookie { style = dark }
			rewrite as = /hello/dark.css
		}
		pattern test.css {
			condition_method = POST
			rewrite as = /hello/posted
		}
		pattern query {
			condition_has_query_string = yes
			rewrite as = /hello/query
		}
		pattern admin { rewrite as = /admin/y }
		pattern loop { rewrite as = /pattern/loop }
		pattern slow.-.-.-.-.-.-.-.-x { rewrite as = /hello }
	}
	&hello /hello
	&hello /show
	&hello /admin
	at /admin { access { all = deny } }
}
`)
	for _, tt := range []struct{ ask, want string }{
		{"GET /everywhere", "200 hello all"},
		{"GET /blog/2024/some-day", "301 /articles/some-day?year=2024"},
		{"GET /p/7", "200 hello p7"},
		{"GET /p/x", "200 hello other"},
		{"GET /see/a%2fb", "308 https://b.test/a%2Fb"},
		{"GET /x", "404"},
		{"GET /x a.test 192.0.2.1 X-Old: yes", "200 hello old"},
		{"GET /pattern/foo/12a3", "301 /hello?name=312"},
		{"GET /pattern/test.css", "404"},
		{"GET /pattern/test.css a.test 192.0.2.1 Cookie: style=dark", "200 hello dark.css"},
		{"POST /pattern/test.css", "200 hello posted"},
		{"GET /pattern/query", "404"},
		{"GET /pattern/query?x", "200 hello query"},
		{"GET /pattern/none", "404"},
		{"GET /pattern/loop", "500"},
		{"GET /pattern/slow" + strings.Repeat("a", 400), "500"},
		// into what is protected: as if it had been asked for
		{"GET /secret", "403"},
		{"GET /%73ecret", "403"},
		{"GET /pattern/admin", "403"},
		{"GET /pattern/%61dmin", "403"},
		{"GET /admin/x", "403"},
	} {
		got := ask(t, h, tt.ask)
		text := got.Body
		if to := got.Header.Get("Location"); to != "" {
			text = to
		}
		all := strings.TrimSpace(strconv.Itoa(int(got.Status)) + " " + text)
		if all != tt.want && !(len(tt.want) == 3 && strings.HasPrefix(all, tt.want)) {
			t.Errorf("%.60s: %q, want %q", tt.ask, all, tt.want)
		}
	}
}

// TestContentInIf: content on a condition is looked for first; what it has nothing at is looked for
// in what is around it.
func TestContentInIf(t *testing.T) {
	h := build(t, `
site {
	response / { code = 200
	             body = around }
	if path =$ .php { response / { code = 200
	                               body = php } }
	else if path under /static {
		response /static { code = 200
		                   body = static }
		response_headers { set { X-Static = yes } }
	}
	else { response /else { code = 200
	                        body = else } }
	at /v1 {
		if query q {
			if method in POST, PUT { response /w { code = 200
			                                       body = write } }
			response / { code = 200
			             body = query }
		}
	}
	if query deny { access { all = deny } }
	if host == b.test { &hello /h { access { deny = 192.0.2.7/32 } } }
}
`)
	for _, tt := range []struct{ ask, want string }{
		{"GET /x", "200 around"},
		{"GET /x.php", "200 php"},
		{"GET /static/x.php", "200 php"},
		{"GET /static/x", "200 static"},
		{"GET /static", "200 static"},
		{"GET /else/x", "200 else"},
		{"GET /v1/x", "200 around"},
		{"GET /v1/x?q", "200 query"},
		{"GET /v1/w?q", "200 query"},
		{"POST /v1/w/x?q", "200 write"},
		{"GET /v1/x?q&deny", "403"},
		{"GET /h/x b.test", "200 hello x"},
		{"GET /h/x b.test 192.0.2.7", "403"},
		{"GET /h/x c.test", "200 around"},
	} {
		got := ask(t, h, tt.ask)
		all := strconv.Itoa(int(got.Status)) + " " + got.Body
		if all != tt.want && !(len(tt.want) == 3 && strings.HasPrefix(all, tt.want)) {
			t.Errorf("%s: %q, want %q", tt.ask, all, tt.want)
		}
	}
	if got := ask(t, h, "GET /static/x"); got.Header.Get("X-Static") != "yes" {
		t.Error("a filter beside content in an if does not count")
	}
}

// TestRewriteChecks: what is no rewriting, and no condition around content.
func TestRewriteChecks(t *testing.T) {
	const some = "response / { code = 200\n}\n"
	for _, tt := range [][2]string{
		{"if user == x { " + some + "}", "response is chosen before anybody knows the user"},
		{"if user == x { access\n}\nelse { " + some + "}", "before anybody knows the user"},
		{"real_ip { from = 10.0.0.0/8\n}\nif remote == 1.2.3.4 { " + some + "}",
			"content is chosen before real_ip, in line 1"},
		{"rewrite", "there are no rules"},
		{"rewrite { match x { }\n}", "neither rewrite_as nor redirect_to"},
		{"rewrite { match x { rewrite_as = x\n}\n}", `"x" is no path`},
		{"rewrite { match ( { rewrite_as = /x\n}\n}", "missing closing )"},
		{"rewrite { pattern ( { rewrite_as = /x\n}\n}", "a ) is missing"},
		{"rewrite { pattern x { redirect_to = https://%1/\n}\n}", "neither a path nor"},
		{"rewrite { pattern x { rewrite_as = /x\ncondition stat { a = b\n}\n}\n}",
			`"stat" is none of`},
		{"rewrite { pattern x { rewrite_as = /x\ncondition cookie { }\n}\n}", "nothing to look at"},
		{"rewrite { pattern x { rewrite_as = /x\ncondition_lua = x\n}\n}", "no setting"},
		{"response / { code = 200\nrewrite { match x { rewrite_as = /x\n}\n}\n}",
			"not inside of response"},
		{"if user == x { rewrite { match x { rewrite_as = /x\n}\n}\n}", "before anybody knows"},
	} {
		text := "site { " + tt[0] + "\n}\n"
		_, err := LoadText("x", text, Standard(), Options{Getenv: noEnv})
		if err == nil || !strings.Contains(err.Error(), tt[1]) {
			t.Errorf("%s: %v, want %s", text, err, tt[1])
		}
	}
}
