package conf

import (
	"strings"
	"testing"
)

// secretText has the same secret wherever one may stand: BAD is what is wrong with it.
const secretText = `
constants { db_token = hunter2
}
site {
	auth_basic { users {
		joe = hunter2
		BAD_USER
	} }
	proxy /a {
		to = http://me:hunter2@127.0.0.1:1
	}
	fastcgi /b {
		to = 127.0.0.1:1
		vars {
			DB_PASSWORD = hunter2
			DB_PASS = hunter2
			STRIPE-API-KEY = hunter2
			OTHER = x${APP_SECRET}y
			BAD_VAR
		}
	}
	request_headers { set { Authorization = Basic hunter2
		X-Auth-Token = "hunter2"
		X-Upstream = https://me:hunter2@b.test/
	} }
	if cookie session_token == hunter2 or header X-Api-Key in a, hunter2 and host == shown {
		access { all = deny }
	}
	if query x == ${APP_SECRET} and not (env APP_SECRET == hunter2 and path == /shown) {
		access { all = deny }
	}
	serve_files / { path = /shown
	                fallback = shown_pass.html }
}
`

func secretEnv(name string) (string, bool) { return "hunter2", name == "APP_SECRET" }

// TestSecretsHidden: neither the page of the configuration nor an error shows one, and both show
// the rest.
func TestSecretsHidden(t *testing.T) {
	vars := newVariables(nil, secretEnv)
	text := strings.NewReplacer("BAD_USER\n", "", "BAD_VAR\n", "").Replace(secretText)
	c := &Config{tree: parseFile(&source{name: "x.conf", text: text}, vars, nil, &report{})}
	var printed strings.Builder
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	shown := printed.String()
	if strings.Contains(shown, "hunter2") {
		t.Errorf("printed: %s", shown)
	}
	for _, want := range []string{"host == shown", "path == /shown", "path = /shown",
		"fallback = shown_pass.html", "to = http://me:***@127.0.0.1:1", "joe = ***"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %s in %s", want, shown)
		}
	}
	for place, bad := range map[string]string{
		"BAD_USER\n": "ann = {hunter2\n", "BAD_VAR\n": "MY_TOKEN = a{hunter2\n",
		"joe = hunter2": "joe = \"hunter2\" {hunter2",
		"DB_PASS = ":    "DB_PASS = ${x} {",
		"hunter2@127":   "hunter2@{127",
	} {
		_, err := LoadText("x.conf", strings.Replace(text, place, bad, 1), Standard(),
			Options{Getenv: secretEnv})
		if place == "BAD_USER\n" || place == "BAD_VAR\n" {
			_, err = LoadText("x.conf", strings.Replace(secretText, place, bad, 1), Standard(),
				Options{Getenv: secretEnv})
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
