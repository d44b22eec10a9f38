package conf

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// optionSection is something that has options, and how it is written.
type optionSection struct {
	name, before, after string
	config              reflect.Type
}

// optionSections are all that golwan has.
func optionSections() (list []optionSection) {
	reg := Standard()
	for _, m := range reg.Modules {
		before := ""
		if name := m.ModuleName(); findField(fieldsOf(m.ConfigType()), "group") != nil {
			before = "group text {\nto = 127.0.0.1:1\n}\n"
			goodValues[name+".hash_key"] = "cookie a"
		}
		list = append(list, optionSection{
			m.ModuleName(), before + "site {\n" + m.ModuleName() + " /p {\n", "}\n}\n",
			m.ConfigType(),
		})
	}
	for _, f := range reg.Filters {
		before := ""
		if name := f.FilterName(); findField(fieldsOf(f.ConfigType()), "group") != nil {
			before = "group text {\nto = 127.0.0.1:1\n}\n"
			goodValues[name+".hash_key"] = "cookie a"
		}
		list = append(list, optionSection{
			f.FilterName(), before + "site {\n" + f.FilterName() + " {\n", "}\n}\n", f.ConfigType(),
		})
	}
	for _, own := range ownHelp {
		switch own.name {
		case "settings":
			list = append(list, optionSection{own.name, "", "", own.config})
		case "listener":
			list = append(list, optionSection{own.name, "listener :1 {\n", "}\n", own.config})
		case "tls":
			list = append(list, optionSection{
				own.name, "listener :1 {\ntls {\n", "}\n}\n", own.config,
			})
		case "log", "access_log", "straitjacket":
			list = append(list, optionSection{own.name, own.name + " {\n", "}\n", own.config})
		case "group":
			list = append(list, optionSection{own.name, "group g {\n", "}\n", own.config})
		case "backend":
			list = append(list, optionSection{
				own.name, "group g {\nbackend 127.0.0.1:1 {\n", "}\n}\n", own.config,
			})
		case "process", "health", "retry", "queue", "backend_tls":
			list = append(list, optionSection{
				own.name, "group g {\nto = 127.0.0.1:1\n" + own.name + " {\n", "}\n}\n", own.config,
			})
		case "pattern", "match":
			list = append(list, optionSection{
				own.name, "site {\nrewrite {\n" + own.name + " x {\n", "}\n}\n}\n", own.config,
			})
		case "authorization":
			list = append(list, optionSection{
				own.name, "site {\nresponse /x {\ncode = 200\nauthorization basic {\n", "}\n}\n}\n",
				own.config,
			})
		}
	}
	return list
}

// goodValues are those that a type does not tell.
var goodValues = map[string]string{
	"serve_files.path": "testdata", "serve_files.otherwise_reroute": "/x",
	"cgi.path": "testdata", "webdav.path": "testdata", "vhosts.path": "testdata/%0", "vhosts.otherwise_reroute": "/x",
	"userdir.otherwise_reroute": "/x",
	"vhosts.default":            "testdata", "userdir.base": "testdata",
	"redirect.to": "/x", "cors.origins": "https://example.com",
	"limit_requests.rate": "10/s", "limit_requests.key": "remote + path",
	"limit_concurrency.key": "user",
	"access_log.format":     "json", "https.hsts": "1y", "auth_basic.file": "testdata/bad.conf",
	"auth_jwt.algorithms": "RS256 EdDSA", "auth_jwt.from": "cookie token",
	"auth_request.to":     "http://127.0.0.1:1/check",
	"straitjacket.chroot": "/x", "response.code": "200", "tls.protocols": "h2, http/1.1",
	"tls.ciphers": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
	"proxy.path":  "/x", "group.hash_key": "cookie a", "process.command": "/bin/cat 'a b'",
	"status.pages": "health, metrics", "health.path": "/x", "pattern.rewrite_as": "/x", "match.rewrite_as": "/x",
	"pattern.redirect_to": "/x", "match.redirect_to": "/x",
}

func good(section string, f *field) string {
	if v, ok := goodValues[section+"."+f.name]; ok {
		return v
	}
	switch f.name {
	case "to", "address":
		return "127.0.0.1:1, unix:/run/x, @x"
	case "front":
		return "/x.php"
	case "extensions":
		return ".php"
	case "budget":
		return "0.5"
	}
	if len(f.oneof) > 0 {
		return f.oneof[0]
	}
	t := f.typ
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "5s"
	case t == reflect.TypeFor[Size]():
		return "4k"
	case typeName(t) == "network":
		return "10.0.0.0/8"
	case typeName(t) == "mode":
		return "0600"
	case t.Kind() == reflect.Bool, t == reflect.TypeFor[*bool]():
		return "no"
	case t.Kind() == reflect.Int:
		return fmt.Sprint(max(f.least, min(f.most, 5)))
	}
	return "text"
}

// sections are those that stand among options, as they are written behind their names.
var sections = map[reflect.Type]string{
	reflect.TypeFor[*listenerTLS]():       " { cert = x }\n",
	reflect.TypeFor[[]backendConfig]():    " 127.0.0.1:1 { weight = 2 }\n",
	reflect.TypeFor[[]processConfig]():    " { command = /bin/cat }\n",
	reflect.TypeFor[[]rewriteRule]():      " x { rewrite_as = /x }\n",
	reflect.TypeFor[[]rewriteCondition](): " cookie { a = b }\n",
	reflect.TypeFor[*healthConfig]():      " { fall = 2 }\n",
	reflect.TypeFor[*retryConfig]():       " { tries = 2 }\n",
	reflect.TypeFor[*queueConfig]():       " { max = 2 }\n",
	reflect.TypeFor[*backendTLS]():        " { name = x }\n",
}

// line writes an option, with a value of its own.
func line(f *field, name, value string) string {
	if f.typ.Kind() == reflect.Map {
		switch f.name {
		case "send_file":
			return name + " { /srv/a = /b }\n"
		case "programs":
			return name + " { .a = /b }\n"
		}
		switch f.typ.Elem() {
		case reflect.TypeFor[time.Duration]():
			value = "5s"
		default:
			value = "value"
		}
		return name + " { a = " + value + " }\n"
	}
	if text, ok := sections[f.typ]; ok {
		return name + text
	}
	return name + " = " + value + "\n"
}

// wrong is a line with a value of a wrong type, and what the error must say.
func wrong(f *field) (text, want string) {
	t := f.typ
	list := t.Kind() == reflect.Slice
	if list {
		t = t.Elem()
	}
	switch {
	case f.typ == reflect.TypeFor[*bool]():
		return f.name + " = maybe\n", "is neither true nor false"
	case t.Kind() == reflect.Map && t.Elem() == reflect.TypeFor[time.Duration]():
		return f.name + " { a = 5q }\n", `"q" is no unit of time`
	case t.Kind() == reflect.Map, t.Kind() == reflect.Pointer, isConfig(t):
		return f.name + " = x\n", "this is a section"
	case typeName(t) == "command":
		return f.name + " = 'x\n", "is no list of words"
	case t.Kind() == reflect.Float64:
		return f.name + " = x\n", "is no number"
	case len(f.oneof) > 0:
		return f.name + " = 77\n", `"77" is none of`
	case t == reflect.TypeFor[time.Duration]():
		return f.name + " = 5 parsecs\n", "is no time"
	case t == reflect.TypeFor[Size]():
		return f.name + " = 5q\n", "is no size"
	case typeName(t) == "network":
		return f.name + " = 1.2.3\n", "is no address and no network"
	case typeName(t) == "mode":
		return f.name + " = 9\n", "is no file mode"
	case isText(t):
		return f.name + " = nonsense\n", "is no "
	case t.Kind() == reflect.Bool:
		return f.name + " = maybe\n", "is neither true nor false"
	case t.Kind() == reflect.Int:
		return f.name + " = x\n", "is no number"
	}
	return f.name + " { }\n", "this is a setting"
}

// outOfRange are values that the bounds forbid.
func outOfRange(f *field) (values []string) {
	if f.most != math.MaxInt64 {
		values = append(values, fmt.Sprint(f.most+1))
	}
	if f.least != math.MinInt64 {
		values = append(values, fmt.Sprint(f.least-1))
	}
	return values
}

// TestEveryOption tries each option of each section with a good value, a wrong one, those beyond
// its bounds, and its name misspelt by a letter.
func TestEveryOption(t *testing.T) {
	sections := append(optionSections(), optionSection{
		"tls of a site", "listener :1 {\ntls\n}\nsite {\ntls {\n", "}\n}\n",
		reflect.TypeFor[siteTLS](),
	})
	for _, s := range sections {
		all := fieldsOf(s.config)
		for i := range all {
			if f := &all[i]; !f.arg && f.name != "*" { // which takes any name
				t.Run(s.name+"."+f.name, func(t *testing.T) { tryOption(t, s, f, all) })
			}
		}
	}
}

func tryOption(t *testing.T, s optionSection, f *field, all []field) {
	others := ""
	for i := range all {
		if o := &all[i]; o.required && !o.arg && o.name != f.name {
			others += line(o, o.name, good(s.name, o))
		}
	}
	load := func(option string) (Problems, string) {
		text := s.before + others + option + s.after
		_, err := LoadText("x.conf", text, Standard(), Options{Getenv: noEnv})
		problems, _ := err.(Problems)
		if err != nil && problems == nil {
			t.Fatalf("%v", err)
		}
		return problems, text
	}
	problem := func(option, want, hint string) {
		t.Helper()
		problems, text := load(option)
		var found []string
		for _, p := range problems {
			if !p.Warning {
				found = append(found, p.Text+" ("+p.Hint+")")
			}
		}
		at := strings.Count(s.before+others, "\n") + 1
		switch {
		case len(found) != 1 && !f.required:
			t.Errorf("%s: %d problems: %q", text, len(found), found)
		case !strings.Contains(strings.Join(found, "\n"), want) ||
			!strings.Contains(strings.Join(found, "\n"), hint):
			t.Errorf("%s: %q, want %s, %s", text, found, want, hint)
		case problems[len(problems)-1].Line != at:
			t.Errorf("%s: the place is line %d, not %d", text, problems[len(problems)-1].Line, at)
		}
	}
	for _, name := range append([]string{f.name}, f.aliases...) {
		if name == "proxy_protocol" && s.before == "" { // has no good value
			continue
		}
		if problems, text := load(line(f, name, good(s.name, f)) +
			neededBy(s.name, f.name)); problems != nil {
			t.Errorf("%s: %v", text, problems)
		}
	}
	option, want := wrong(f)
	problem(option, want, "")
	for _, v := range outOfRange(f) {
		problem(f.name+" = "+v+"\n", f.name, "")
	}
	problem(line(f, f.name+"x", good(s.name, f)), fmt.Sprintf("has no setting %q", f.name+"x"),
		f.name)
}

// neededBy is what an option cannot be without.
func neededBy(section, option string) string {
	if section == "auth_basic" && option != "file" && option != "users" {
		return "file = x\n"
	}
	if section == "tls" && option == "client_ca" {
		return "cert = x\nclient_cert = require\n"
	}
	if section == "tls" && option != "cert" || section == "listener" && option == "key" {
		return "cert = x\n"
	}
	if section == "https" && option == "preload" {
		return "hsts = 1y\ninclude_subdomains = yes\n"
	}
	switch section {
	case "cgi":
		if option == "executable" {
			return "programs {\n.py = /x\n}\n"
		}
	case "proxy", "fastcgi", "scgi", "uwsgi", "group", "auth_fastcgi":
		switch option {
		case "to", "backend", "process", "address", "group":
			return ""
		case "check_files":
			return "to = 127.0.0.1:1\nroot = /x\n"
		}
		return "to = 127.0.0.1:1\n"
	case "pattern", "match":
		if option != "rewrite_as" && option != "redirect_to" {
			return "rewrite_as = /x\n"
		}
	case "health":
		if option != "path" {
			return "path = /x\n"
		}
	case "backend_tls":
		if option == "key" {
			return "cert = x\n"
		}
	}
	if section == "straitjacket" {
		switch option {
		case "group", "groups":
			return "user = x\n"
		case "read", "write":
			return "landlock = yes\n"
		}
	}
	if section == "limit_rate" && option == "after" {
		return "rate = 1k\n"
	}
	return ""
}

// TestOptionsAreDescribed: each option has a line that says what it is, and help shows it.
func TestOptionsAreDescribed(t *testing.T) {
	for _, s := range optionSections() {
		var b strings.Builder
		if err := Help(&b, Standard(), s.name); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		for _, f := range fieldsOf(s.config) {
			if f.doc == "" || !strings.Contains(b.String(), f.doc) {
				t.Errorf("help %s does not say what %s is", s.name, f.name)
			}
			if f.def == "" {
				continue
			}
			if err := f.check(reflect.ValueOf(decoded(t,
				s).FieldByIndex(f.index).Interface())); err != nil {
				t.Errorf("%s.%s: the default: %v", s.name, f.name, err)
			}
		}
	}
	var b strings.Builder
	if err := Help(&b, Standard(), ""); err != nil ||
		!strings.Contains(b.String(), "limit_requests") {
		t.Errorf("help: %v\n%s", err, b.String())
	}
	if err := Help(&b, Standard(), "serve_file"); err == nil ||
		!strings.Contains(err.Error(), `"serve_files"`) {
		t.Errorf("help of a misspelt name: %v", err)
	}
}

// decoded is a section's configuration with its defaults.
func decoded(t *testing.T, s optionSection) reflect.Value {
	t.Helper()
	v := reflect.New(s.config)
	d := &sectionDecoder{decoder: &decoder{report: &report{}}, v: v.Elem(),
		fields: fieldsOf(s.config)}
	d.defaults()
	return v.Elem()
}

// TestChecks: what several options say together.
func TestChecks(t *testing.T) {
	for text, want := range map[string]string{
		"access_log { format = apache\n}":   `"apache" is neither combined nor json`,
		"access_log { format = \"%{x}\"\n}": `there is no field "x"`,
		"auth_basic": "x:1:8: auth_basic: there is neither a " +
			"file nor users",
		"cors { origins = *\ncredentials = yes\n}":    "credentials are for origins that are named",
		"https { preload = yes\n}":                    "preload needs hsts = 1y",
		"https { preload = yes\nhsts = 1y\n}":         "preload needs hsts = 1y",
		"cors { origins = example.com\n}":             `"example.com" is no origin`,
		"response_headers { set { Upgrade = x\n}\n}":  "Upgrade is for the server to set",
		"limit_requests { rate = 0/s\n}":              `"0/s" is no rate`,
		"limit_requests { rate = 1/s\nrate = 2/s\n}":  "rate is set twice: first in line 1",
		"expire { types { a = 1s\na = 2s\n}\n}":       "a is set twice",
		"expire { types { a { }\n}\n}":                "only settings can stand here",
		"access { if always { }\n}":                   "a condition cannot stand inside of access",
		"request_id { x = y\n}":                       `request_id has no setting "x"`,
		"access /x { }":                               "access is a filter",
		"acces { }":                                   `did you mean "access"?`,
		"x = y":                                       "site has no settings of its own",
		"response /a { code = 200\nresponse / { }\n}": "only filters may stand inside of response",
		"response /%61 { code = 200\n}":               `"/%61" is no path of content`,
		"response /a/../b { code = 200\n}":            `"/a/../b" is no path of content`,
		"at x { }":                                    "at needs a path",
		"&x /":                                        `there is no handler "&x"`,
	} {
		_, err := LoadText("x", "site { "+text+"\n}\n", Standard(), Options{Getenv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"response / { code = 200\n}":   "response belongs into a site",
		"straitjacket { group = x\n}":  "group and groups need a user",
		"straitjacket { read = /\n}":   "read and write are for landlock",
		"straitjacket { chroot = x\n}": `"x" does not begin with a slash`,
		"straitjacket\nstraitjacket":   "there is a straitjacket already, in line 1",
		"straitjacket { landlock = yes\n}\ngroup a { process { command = /x\n}\n}": "would keep " +
			"what straitjacket, in line 1, gives up",
		"proxy_protocol = yes": "of everybody would be believed",
		"listener :1 { proxy_protocol = ::1\ntrust_peers = yes\n}": "exclude each other",
		"listener x":                          `"x" is no address`,
		"listener *:x":                        `"*:x" is no address`,
		"listener :70000":                     "is no address",
		"listener unix:":                      "is no address",
		"listener":                            "listener needs a addr behind its name",
		"listener :1\nlistener *:1":           `there is a listener for "*:1" already, in line 1`,
		"listener :1 { site a { }\n}":         "a listener has one site",
		"listener :1 { site { }\nsite { }\n}": "a listener has one site",
		"site { }\nsite { }":                  "a site for all other hosts already, in line 1",
		"site a*b { }":                        `"a*b" is no name of a host`,
		"site A { }\nsite a { }":              `there is a site for "a" already`,
		"headers { a b { }\n}":                "headers has settings alone",
		"headers { \"a b\" = c\n}":            `is no name of a field`,
		"constants { a { }\n}":                "constants has settings alone",
		"constants { a-b = c\n}":              `"a-b" is no name of a constant`,
		"sit { }":                             `did you mean "site"?`,
		"s { include a.conf\n}":               "x:1:13:",
		"site { response / { authorization b { }\ncode = 200\n}\n}": `kind: "b" is none of basic`,
	} {
		_, err := LoadText("x", text+"\n", Standard(), Options{Getenv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestDefineAndInclude: constants of the command line go before the file's, and a file that is
// included may define more.
func TestDefineAndInclude(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.conf": "constants {\n p = 1\n q = 2\n}\ninclude b.conf\nlistener :${p}${q}${r}\n",
		"b.conf": "constants { r = 3 }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, "a.conf"), Standard(),
		Options{Set: map[string]string{"p": "4"}})
	if err != nil || c.listeners[0].Addr != ":423" {
		t.Errorf("%v, %+v", err, c)
	}
	if _, err := Load(filepath.Join(dir, "c.conf"), Standard(), Options{}); err == nil {
		t.Error("a file that is not there was read")
	}
	twice := Standard()
	twice.Modules = append(twice.Modules, twice.Modules[0])
	if _, err := Load(filepath.Join(dir, "a.conf"), twice, Options{}); err == nil {
		t.Error("two modules have one name")
	}
}
