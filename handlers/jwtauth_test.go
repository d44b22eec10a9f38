package handlers

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// signers are keys of each kind, made once.
var signers = sync.OnceValue(func() map[string]any {
	all := map[string]any{"oct": []byte(strings.Repeat("secret", 20))}
	var err error
	fail := func(e error) {
		if e != nil {
			panic(e)
		}
	}
	all["RSA"], err = rsa.GenerateKey(rand.Reader, 2048)
	fail(err)
	for name, curve := range jwtCurves {
		all[name], err = ecdsa.GenerateKey(curve, rand.Reader)
		fail(err)
	}
	_, all["Ed25519"], err = ed25519.GenerateKey(rand.Reader)
	fail(err)
	return all
})

// signerOf is the private key for an algorithm.
func signerOf(alg string) any {
	a := jwtAlgorithms[alg]
	if a.curve != "" {
		return signers()[a.curve]
	}
	return signers()[a.kind]
}

// jwkOf is a signer's public key as JSON.
func jwkOf(t *testing.T, signer any, more map[string]any) map[string]any {
	t.Helper()
	k := map[string]any{}
	switch s := signer.(type) {
	case []byte:
		k["kty"], k["k"] = "oct", strict.EncodeToString(s)
	case *rsa.PrivateKey:
		k["kty"], k["n"], k["e"] = "RSA", strict.EncodeToString(s.N.Bytes()), "AQAB"
	case *ecdsa.PrivateKey:
		b, err := s.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		half := len(b) / 2
		k["kty"], k["crv"] = "EC", s.Curve.Params().Name
		k["x"], k["y"] = strict.EncodeToString(b[1:1+half]), strict.EncodeToString(b[1+half:])
	case ed25519.PrivateKey:
		k["kty"], k["crv"] = "OKP", "Ed25519"
		k["x"] = strict.EncodeToString(s.Public().(ed25519.PublicKey))
	}
	for name, v := range more {
		k[name] = v
	}
	return k
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// keyFile writes a set of keys.
func keyFile(t *testing.T, keys ...map[string]any) string {
	t.Helper()
	return fileOf(t, jsonOf(map[string]any{"keys": keys}))
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// sign makes a token of the claims.
func sign(t *testing.T, alg string, signer any, header, claims map[string]any) string {
	t.Helper()
	h := map[string]any{"alg": alg}
	for name, v := range header {
		h[name] = v
	}
	text := strict.EncodeToString([]byte(jsonOf(h))) + "." +
		strict.EncodeToString([]byte(jsonOf(claims)))
	return text + "." + strict.EncodeToString(signature(t, alg, signer, []byte(text)))
}

func signature(t *testing.T, alg string, signer any, text []byte) (sig []byte) {
	t.Helper()
	a := jwtAlgorithms[alg]
	var sum []byte
	if a.hash != 0 {
		h := a.hash.New()
		h.Write(text)
		sum = h.Sum(nil)
	}
	var err error
	switch s := signer.(type) {
	case []byte:
		mac := hmac.New(a.hash.New, s)
		mac.Write(text)
		sig = mac.Sum(nil)
	case *rsa.PrivateKey:
		if a.pss {
			sig, err = rsa.SignPSS(rand.Reader, s, a.hash, sum,
				&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			sig, err = rsa.SignPKCS1v15(rand.Reader, s, a.hash, sum)
		}
	case *ecdsa.PrivateKey:
		var r, v *big.Int
		size := (s.Curve.Params().BitSize + 7) / 8
		if r, v, err = ecdsa.Sign(rand.Reader, s, sum); err == nil {
			sig = append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...)
		}
	case ed25519.PrivateKey:
		sig = ed25519.Sign(s, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// tokenTime is when the tests are.
var tokenTime = time.Unix(1_700_000_000, 0)

func soon() map[string]any {
	return map[string]any{"sub": "joe", "exp": tokenTime.Unix() + 60}
}

// askToken serves one request with fields, in pairs, and says what the handler has seen.
func askToken(t *testing.T, a *jwtAuth, fields ...string) *lwantest.Result {
	t.Helper()
	h := a.middleware(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		user, _ := UserKey.Get(req)
		return resp.Text(200, user+"|"+strings.Join(req.HeaderAll("X-User"), ",")+
			req.Header("X_User"))
	})
	r := httptest.NewRequest("GET", "/", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return lwantest.Do(t, h, r)
}

func tokenAuth(t *testing.T, c JWTAuthConfig) *jwtAuth {
	t.Helper()
	if c.now == nil {
		c.now = func() time.Time { return tokenTime }
	}
	a, err := newJWTAuth(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestJWTAlgorithms: each key lets in what it has signed by its own algorithm, and by no other,
// whatever the head of the token says.
func TestJWTAlgorithms(t *testing.T) {
	for alg := range jwtAlgorithms {
		public := jwkOf(t, signerOf(alg), map[string]any{"alg": alg})
		a := tokenAuth(t, JWTAuthConfig{Keys: keyFile(t, public), Algorithms: []string{alg}})
		for other := range jwtAlgorithms {
			token := sign(t, other, signerOf(other), nil, soon())
			r := askToken(t, a, "Authorization", "Bearer "+token)
			if want := other == alg; (r.Status == 200) != want {
				t.Errorf("a key of %s, a token of %s: %d", alg, other, r.Status)
			}
		}
	}
}

// TestJWTConfusion: what attackers have tried elsewhere.
func TestJWTConfusion(t *testing.T) {
	key := signers()["RSA"].(*rsa.PrivateKey)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	a := tokenAuth(t, JWTAuthConfig{
		Keys: fileOf(t, string(public)), Algorithms: []string{"RS256", "HS256", "ES256"},
	})
	good := sign(t, "RS256", key, nil, soon())
	head, rest, _ := strings.Cut(good, ".")
	payload, sig, _ := strings.Cut(rest, ".")
	coded := func(s string) string { return strict.EncodeToString([]byte(s)) }
	mallory := coded(jsonOf(map[string]any{"sub": "root", "exp": tokenTime.Unix() + 60}))
	for what, token := range map[string]string{
		"the public key as a secret": sign(t, "HS256", public, nil, soon()),
		"its DER as a secret":        sign(t, "HS256", der, nil, soon()),
		"none":                       coded(`{"alg":"none"}`) + "." + mallory + ".",
		"none, in capitals":          coded(`{"alg":"NONE"}`) + "." + mallory + ".",
		"none, with a signature":     coded(`{"alg":"none"}`) + "." + payload + "." + sig,
		"no alg":                     coded(`{}`) + "." + payload + "." + sig,
		"alg is a list":              coded(`{"alg":["RS256"]}`) + "." + payload + "." + sig,
		"another payload":            head + "." + mallory + "." + sig,
		"no signature":               head + "." + payload + ".",
		"two parts":                  head + "." + payload,
		"four parts":                 good + "." + sig,
		"nothing":                    "",
		"dots":                       "..",
		"padding":                    good + "=",
		"other bits behind the end":  good[:len(good)-1] + "-",
		"a line break":               good[:len(good)-4] + "\t" + good[len(good)-4:],
		"another key":                sign(t, "ES256", signerOf("ES256"), nil, soon()),
		"an extension that must be understood": sign(t, "RS256", key,
			map[string]any{"crit": []string{"x"}}, soon()),

		"an empty ECDSA signature": coded(`{"alg":"ES256"}`) + "." + mallory + "." +
			strict.EncodeToString(make([]byte, 64)),

		"a payload that is no object":   head + "." + coded(`"x"`) + "." + sig,
		"a token that is too long":      good + strings.Repeat("A", maxToken),
		"an embedded key, which signs":  selfSigned(t),
		"the good one twice, in a line": good + ", Bearer " + good,
		"the good one with text behind": good + " x",
		"another scheme in front of it": "Basic " + good,

		"the other alphabet of base64":    good + "+/",
		"the head of another alg (RS512)": coded(`{"alg":"RS512"}`) + "." + payload + "." + sig,
	} {
		if r := askToken(t, a, "Authorization", "Bearer "+token); r.Status != 401 {
			t.Errorf("%s: %d %s", what, r.Status, r.Body)
		}
	}
	for range 2 {
		if r := askToken(t, a, "Authorization", "bearer  "+good); r.Status != 200 {
			t.Errorf("a good one: %d %v", r.Status, r.Header)
		}
	}
	r := askToken(t, a, "Authorization", "Bearer "+good, "Authorization", "Bearer "+good)
	if r.Status != 401 && r.Status != 400 {
		t.Errorf("two fields: %d", r.Status)
	}
	if r := askToken(t, a); r.Status != 401 ||
		r.Header.Get("WWW-Authenticate") != `Bearer realm="Restricted"` {
		t.Errorf("no token: %d %v", r.Status, r.Header)
	}
}

// selfSigned is a token with its key in it.
func selfSigned(t *testing.T) string {
	signer := signers()["P-256"]
	return sign(t, "ES256", signer, map[string]any{"jwk": jwkOf(t, signer, nil)}, soon())
}

// TestJWTVectors: those of RFC 7515 (A.1, A.3) and RFC 8037 (A.4).
func TestJWTVectors(t *testing.T) {
	const payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p" +
		"c19yb290Ijp0cnVlfQ"
	for _, v := range []struct{ alg, key, text, signature string }{
		{"HS256", `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aK` +
			`tMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload,
			"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
		{"ES256", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
			`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9." + payload, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5" +
				"djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
		{"EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
			"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"},
	} {
		keys, err := parseKeys([]byte(v.key), []string{v.alg})
		if err != nil {
			t.Errorf("%s: %v", v.alg, err)
			continue
		}
		sig, err := strict.DecodeString(v.signature)
		if err != nil || !keys[0].verify([]byte(v.text), sig) {
			t.Errorf("%s: the vector is refused: %v", v.alg, err)
		}
		if keys[0].verify([]byte(v.text+"x"), sig) {
			t.Errorf("%s: another text is taken", v.alg)
		}
	}
}

// TestJWTClaims: times, and what a token is for.
func TestJWTClaims(t *testing.T) {
	now := tokenTime.Unix()
	a := tokenAuth(t, JWTAuthConfig{
		Keys:       keyFile(t, jwkOf(t, signerOf("HS256"), nil)),
		Algorithms: []string{"HS256"}, Issuer: "me", Audience: "you", Leeway: 10 * time.Second,
		Claims: map[string]string{"role": "admin"},
		Pass:   map[string]string{"sub": "X-User"},
	})
	for what, c := range map[string]struct {
		change map[string]any
		want   int
	}{
		"good":                     {nil, 200},
		"ended, within the leeway": {map[string]any{"exp": now - 9}, 200},
		"ended":                    {map[string]any{"exp": now - 10}, 401},
		"ends never":               {map[string]any{"exp": nil}, 401},
		"an end that is text":      {map[string]any{"exp": "9999999999"}, 401},
		"an end beyond all":        {map[string]any{"exp": json.Number("1e300")}, 401},
		"an end with a fraction":   {map[string]any{"exp": json.Number("1700000000.5")}, 200},
		"begins soon":              {map[string]any{"nbf": now + 10}, 200},
		"begins later":             {map[string]any{"nbf": now + 11}, 401},
		"another issuer":           {map[string]any{"iss": "you"}, 401},
		"an issuer in a list":      {map[string]any{"iss": []string{"me"}}, 401},
		"no audience":              {map[string]any{"aud": ""}, 401},
		"one of several audiences": {map[string]any{"aud": []any{1, "you"}}, 200},
		"other audiences":          {map[string]any{"aud": []string{"they"}}, 401},
		"another role":             {map[string]any{"role": "user"}, 403},
		"one of several roles":     {map[string]any{"role": []string{"user", "admin"}}, 200},
		"no role":                  {map[string]any{"role": nil}, 403},

		"a role that is no text":        {map[string]any{"role": []any{[]any{"admin"}}}, 403},
		"a user with a line break":      {map[string]any{"sub": "joe\r\nX-Admin: yes"}, 401},
		"a user with a space before":    {map[string]any{"sub": " root"}, 401},
		"a user with a space behind":    {map[string]any{"sub": "root\u00a0"}, 401},
		"a user that is a number":       {map[string]any{"sub": 7}, 200},
		"no user":                       {map[string]any{"sub": nil}, 200},
		"a user that is another's name": {map[string]any{"sub": []string{"root"}}, 200},
	} {
		claims := map[string]any{
			"sub": "joe", "exp": now + 60, "iss": "me", "aud": "you", "role": "admin",
		}
		for name, v := range c.change {
			if claims[name] = v; v == nil {
				delete(claims, name)
			}
		}
		token := sign(t, "HS256", signerOf("HS256"), nil, claims)
		r := askToken(t, a, "Authorization", "Bearer "+token, "X-User", "root", "x-user", "root",
			"X_User", "root")
		if r.Status != c.want {
			t.Errorf("%s: %d %v", what, r.Status, r.Header)
		}
		if strings.Contains(r.Body, "root") || what == "good" && r.Body != "joe|joe" {
			t.Errorf("%s: the handler has seen %q", what, r.Body)
		}
	}
}

// TestJWTKeyNames: a token that names its key is held to it.
func TestJWTKeyNames(t *testing.T) {
	one, two := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	a := tokenAuth(t, JWTAuthConfig{Algorithms: []string{"HS256"}, Cookie: "token", Keys: keyFile(t,
		jwkOf(t, one, map[string]any{"kid": "one"}), jwkOf(t, two, map[string]any{"kid": "two"}),
		jwkOf(t, []byte(strings.Repeat("3", 32)), map[string]any{"use": "enc"}),
	)})
	for _, c := range []struct {
		key  []byte
		kid  any
		want int
	}{
		{one, "one", 200}, {two, "two", 200}, {one, "two", 401}, {one, nil, 200}, {one, "", 401},
		{one, "three", 401}, {one, 1, 200}, {[]byte(strings.Repeat("3", 32)), nil, 401},
	} {
		header := map[string]any{"kid": c.kid}
		if c.kid == nil {
			header = nil
		}
		token := sign(t, "HS256", c.key, header, soon())
		if r := askToken(t, a, "Cookie", "a=b; token="+token); r.Status != c.want {
			t.Errorf("%s by %v: %d", c.key[:1], c.kid, r.Status)
		}
		if r := askToken(t, a, "Cookie", "token="+token+"; token="+token); r.Status != 401 {
			t.Errorf("two cookies: %d", r.Status)
		}
		if r := askToken(t, a, "Authorization", "Bearer "+token); r.Status != 401 {
			t.Errorf("the field in place of the cookie: %d", r.Status)
		}
	}
}

// TestJWTReload: a file that has changed counts, and one that is broken does not.
func TestJWTReload(t *testing.T) {
	one, two := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	file := keyFile(t, jwkOf(t, one, nil))
	a := tokenAuth(t, JWTAuthConfig{Algorithms: []string{"HS256"}, Keys: file})
	a.keys.log = slog.New(slog.DiscardHandler)
	ask := func(key []byte) int {
		a.keys.look.Store(0) // the second is over
		return askToken(t, a, "Authorization", "Bearer "+sign(t, "HS256", key, nil, soon())).Status
	}
	if got := [2]int{ask(one), ask(two)}; got != [2]int{200, 401} {
		t.Errorf("at first: %v", got)
	}
	for _, c := range []struct {
		text string
		want [2]int
	}{
		{jsonOf(jwkOf(t, two, nil)), [2]int{401, 200}},
		{"{", [2]int{401, 200}},
		{strings.Repeat(" ", maxKeyFile+1), [2]int{401, 200}},
		{jsonOf(map[string]any{"keys": []any{jwkOf(t, one, nil), jwkOf(t, two, nil)}}),
			[2]int{200, 200}},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := [2]int{ask(one), ask(two)}; got != c.want {
			t.Errorf("%.40s: %v, want %v", c.text, got, c.want)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := [2]int{ask(one), ask(two)}; got != [2]int{200, 200} {
		t.Errorf("without its file: %v", got)
	}
}

// TestJWTCookies: of several cookies with a token none counts, also where one is empty.
func TestJWTCookies(t *testing.T) {
	a := tokenAuth(t, JWTAuthConfig{
		Keys: keyFile(t, jwkOf(t, signerOf("HS256"), nil)), Algorithms: []string{"HS256"},
		Cookie: "t",
	})
	good := sign(t, "HS256", signerOf("HS256"), nil, soon())
	for cookies, want := range map[string]int{
		"t=" + good: 200, "a=b; t=" + good + "; T=x": 200, "t=; t=" + good: 401,
		"t=" + good + "; t=": 401, "t=" + good + "; t=" + good: 401, "t=": 401,
	} {
		if r := askToken(t, a, "Cookie", cookies); r.Status != want {
			t.Errorf("%.12s, %d bytes: %d, want %d", cookies, len(cookies), r.Status, want)
		}
	}
}

// TestJWTKeyErrors: what is no key to be used.
func TestJWTKeyErrors(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signers()["RSA"])
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(signers()["Ed25519"].(ed25519.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	whole := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	all := []string{"HS256", "RS256", "ES256", "EdDSA"}
	if keys, err := parseKeys([]byte(whole+whole), all); len(keys) != 2 || err != nil {
		t.Errorf("two keys in PEM: %d, %v", len(keys), err)
	}
	for what, text := range map[string]string{
		"nothing": "", "no JSON": "{", "no keys": `{"keys":[]}`,
		"a weak key":    jsonOf(jwkOf(t, weak, nil)),
		"a weak secret": jsonOf(jwkOf(t, []byte("secret"), nil)),
		"a private key": jsonOf(jwkOf(t, signers()["RSA"], map[string]any{"d": "AQAB"})),
		"a private key in PEM": string(pem.EncodeToMemory(
			&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"a point that is on no curve": jsonOf(jwkOf(t, signers()["P-256"],
			map[string]any{"y": strict.EncodeToString(make([]byte, 32))})),
		"a short point":         jsonOf(jwkOf(t, signers()["P-256"], map[string]any{"y": "AQAB"})),
		"a curve not asked for": jsonOf(jwkOf(t, signers()["P-384"], nil)),
		"an unknown algorithm":  jsonOf(jwkOf(t, signers()["RSA"], map[string]any{"alg": "none"})),
		"an even exponent":      jsonOf(jwkOf(t, signers()["RSA"], map[string]any{"e": "Ag"})),
		"a key to encrypt with": jsonOf(jwkOf(t, signers()["RSA"],
			map[string]any{"key_ops": []string{"encrypt"}})),
		"a key in PEM, and one that is cut off": whole + whole[:len(whole)-20],
		"a key in PEM behind one that is none":  strings.Replace(whole, "\n", "\n*", 1) + whole,
		"a short Ed25519 key":                   `{"kty":"OKP","crv":"Ed25519","x":"AQAB"}`,
		"padding":                               `{"kty":"oct","k":"` + strings.Repeat("A", 43) + `="}`,
	} {
		if keys, err := parseKeys([]byte(text), all); err == nil {
			t.Errorf("%s: %v", what, keys)
		}
	}
	for _, c := range []JWTAuthConfig{
		{}, {Keys: "x"}, {Algorithms: all}, {Keys: "/not/there", Algorithms: all},
		{Keys: "x", Algorithms: []string{"none"}}, {Keys: "x", Algorithms: []string{"hs256"}},
		{Keys: "x", Algorithms: all, Pass: map[string]string{"sub": "Host"}},
		{Keys: "x", Algorithms: all, Pass: map[string]string{"sub": "a b"}},
		{Keys: "x", Algorithms: all, Realm: "a\nb"},
	} {
		if _, err := JWTAuth(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

// FuzzJWT: nothing that is not signed comes in, and nothing ends the process.
func FuzzJWT(f *testing.F) {
	key := []byte(strings.Repeat("k", 32))
	keys := []jwtKey{
		{algorithm: "HS256", public: key},
		{algorithm: "ES256", public: &signers()["P-256"].(*ecdsa.PrivateKey).PublicKey},
		{algorithm: "EdDSA", public: signers()["Ed25519"].(ed25519.PrivateKey).Public()},
	}
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqb2UifQ.AAAA")
	f.Add("eyJhbGciOiJFUzI1NiJ9.e30." + strings.Repeat("A", 86))
	f.Add("eyJhbGciOiJFZERTQSJ9.e30." + strings.Repeat("A", 86))
	f.Fuzz(func(t *testing.T, token string) {
		if claims, err := verifyJWT(token, keys); err == nil {
			t.Errorf("%q is good: %v", token, claims)
		}
	})
}
