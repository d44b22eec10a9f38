package conf

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAuthOfPaths: no way of writing a path leads by auth_jwt or auth_request, no rewrite does, and
// nobody says by a field who he is.
func TestAuthOfPaths(t *testing.T) {
	secret := strings.Repeat("k", 32)
	coded := base64.RawURLEncoding.EncodeToString
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte(`{"keys":[{"kty":"oct","k":"`+coded([]byte(secret))+
		`"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	text := coded([]byte(`{"alg":"HS256"}`)) + "." + coded([]byte(`{"sub":"joe"}`))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	token := text + "." + coded(mac.Sum(nil))
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Header().Set("X-User", "joe")
	}))
	defer service.Close()
	for _, filter := range []string{
		"auth_jwt {\nkeys = " + keys +
			"\nalgorithms = HS256\nendless = yes\npass { sub = X-User }\n}",
		"auth_request {\nto = " + service.URL + "/check\ncopy = X-User\n}",
	} {
		h := build(t, `site {
    rewrite { match "^/open/(.*)$" { rewrite_as = /admin/$1 } }
    at /admin { `+filter+` }
    &hello /
}
`)
		for _, path := range []string{
			"/admin", "/admin/", "/admin/x", "/%61dmin/x", "/%61%64min", "/./admin/x",
			"/x/../admin/x",
			"//admin/x", "/admin%2fx", "/admin%2Fx", "/open/x", "/%6fpen/x", "http://a/admin/x",
			"/admin?x=/open",
		} {
			for _, field := range []string{
				"X-User: root", "X-User: joe", "Authorization: Bearer x",
			} {
				r := ask(t, h, "GET "+path+" a 192.0.2.1 "+field)
				if r.Status == 200 && path != "/admin%2fx" && path != "/admin%2Fx" {
					t.Errorf("%s with %s: %d %q", path, field, r.Status, r.Body)
				}
				if r.Status == 200 && strings.Contains(r.Body, "admin/") {
					t.Errorf("%s with %s: %q", path, field, r.Body)
				}
			}
		}
		r := ask(t, h, "GET /admin/x a 192.0.2.1 Authorization: Bearer "+token)
		if r.Status != 200 {
			t.Errorf("a good token: %d %q", r.Status, r.Body)
		}
	}
}
