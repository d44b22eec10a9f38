package handlers_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// cheap is a hash that takes no time.
func cheap(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

func basic(t *testing.T, c handlers.BasicAuthConfig) lwan.Handler {
	t.Helper()
	mw, err := handlers.BasicAuth(c)
	if err != nil {
		t.Fatal(err)
	}
	return mw(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, handlers.UserKey.Must(req))
	})
}

func login(t *testing.T, h lwan.Handler, user, password string) *lwantest.Result {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, password)
	return lwantest.Do(t, h, r)
}

func TestBasicAuth(t *testing.T) {
	users := map[string]string{"ann": cheap(t, "secret:ä"), "bob": cheap(t, "x")}
	h := basic(t, handlers.BasicAuthConfig{Realm: `a "b"`, Users: users, Require: []string{"ann"}})
	for _, tt := range []struct {
		user, password string
		want           int
	}{
		{"ann", "secret:ä", 200}, {"ann", "secret:ä", 200}, // the second one is remembered
		{"ann", "secret", 401}, {"ann", "", 401}, {"bob", "x", 401}, {"eve", "x", 401},
		{"", "", 401},
		{"ann", strings.Repeat("x", 2000), 401},
	} {
		got := login(t, h, tt.user, tt.password)
		if got.Status != tt.want || tt.want == 200 && got.Body != tt.user {
			t.Errorf("%s:%s: %d %q", tt.user, tt.password, got.Status, got.Body)
		}
		challenge := got.Header.Get("WWW-Authenticate")
		if tt.want == 401 && challenge != `Basic realm="a \"b\"", charset="UTF-8"` {
			t.Errorf("WWW-Authenticate: %s", challenge)
		}
	}
	for _, field := range []string{"", "Basic", "Basic !", "Bearer YTpi", "Basic YW5u"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", field)
		if got := lwantest.Do(t, h, r); got.Status != 401 {
			t.Errorf("%q: %d", field, got.Status)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("ann", "secret:ä")
	field := r.Header.Get("Authorization")
	r.Header.Set("Authorization", strings.Replace(field, "Basic", "basic ", 1))
	if got := lwantest.Do(t, h, r); got.Status != 200 {
		t.Errorf("the scheme in small letters: %d", got.Status)
	}
}

// TestBasicAuthFile: a file is read again when it has changed, and one that is wrong then counts
// for nothing.
func TestBasicAuthFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "users")
	at := time.Now()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Minute)
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("# users\n\nann:" + cheap(t, "1") + "\n bob = " + cheap(t, "1") + "\r\n")
	h := basic(t, handlers.BasicAuthConfig{File: name, Checks: 1})
	for _, user := range []string{"ann", "bob"} {
		if got := login(t, h, user, "1"); got.Status != 200 {
			t.Errorf("%s: %d", user, got.Status)
		}
	}
	becomes := func(user, password string, want int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			got := login(t, h, user, password)
			if got.Status == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s:%s is still %d, not %d", user, password, got.Status, want)
			}
		}
	}
	write("ann:" + cheap(t, "2") + "\n")
	becomes("ann", "2", 200)
	if got := login(t, h, "ann", "1"); got.Status != 401 {
		t.Errorf("the password from before, which was remembered: %d", got.Status)
	}
	if got := login(t, h, "bob", "1"); got.Status != 401 {
		t.Errorf("who is not there any more: %d", got.Status)
	}
	write("ann:plain\n")
	if got := login(t, h, "ann", "2"); got.Status != 200 {
		t.Errorf("with a wrong file: %d", got.Status)
	}
	write("ann:" + cheap(t, "3") + "\n")
	becomes("ann", "3", 200)
}

// TestBasicAuthPlain: clear text is taken only where that is said.
func TestBasicAuthPlain(t *testing.T) {
	users := map[string]string{"ann": "clear"}
	h := basic(t, handlers.BasicAuthConfig{Users: users, Plain: true, CacheFor: -1})
	for password, want := range map[string]int{"clear": 200, "clea": 401, "": 401} {
		if got := login(t, h, "ann", password); got.Status != want {
			t.Errorf("%q: %d", password, got.Status)
		}
	}
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []handlers.BasicAuthConfig{
		{}, {Users: users}, {Users: map[string]string{"a": "$2y$x"}},
		{Users: map[string]string{"": "x"}, Plain: true},
		{File: "/does/not/exist"}, {File: file}, {Realm: "a\nb", Users: users, Plain: true},
	} {
		if _, err := handlers.BasicAuth(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestBasicAuthIsBounded: of a flood of wrong passwords some are compared, the others get 503, and
// nobody is let in.
func TestBasicAuthIsBounded(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("x"), 7)
	if err != nil {
		t.Fatal(err)
	}
	h := basic(t, handlers.BasicAuthConfig{
		Users: map[string]string{"ann": string(hash)}, Checks: 1, Waiting: 2,
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	count := map[int]int{}
	for i := range 40 {
		wg.Go(func() {
			got := login(t, h, "ann", fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			count[got.Status]++
			if got.Status == 503 && got.Header.Get("Retry-After") == "" {
				t.Error("a 503 without Retry-After")
			}
		})
	}
	wg.Wait()
	if count[401] == 0 || count[503] == 0 || count[401]+count[503] != 40 {
		t.Errorf("answers: %v", count)
	}
	if got := login(t, h, "ann", "x"); got.Status != 200 {
		t.Errorf("afterwards: %d", got.Status)
	}
}

func TestHashPassword(t *testing.T) {
	hash, err := handlers.HashPassword("secret")
	if err != nil || bcrypt.CompareHashAndPassword([]byte(hash), []byte("secret")) != nil {
		t.Errorf("%q, %v", hash, err)
	}
	if _, err := handlers.HashPassword(strings.Repeat("x", 73)); err == nil {
		t.Error("a password that would be cut off was taken")
	}
}
