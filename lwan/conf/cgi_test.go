package conf

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestCGISection: programs run by themselves and by the end of their names, with what env says, and
// nothing outside of the directory does.
func TestCGISection(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("programs are started on Unix alone")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	const script = "#!/bin/sh\n" +
		"printf 'Content-Type: text/plain\\n\\n%s %s' \"$WHO\" \"$PATH_INFO\"\n"
	for name, mode := range map[string]os.FileMode{
		"bin/own": 0o700, "bin/a.txt": 0o600, "outside": 0o700,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(script), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(bin, "link")); err != nil {
		t.Fatal(err)
	}
	const all = "env { WHO = joe }\n"
	for _, tt := range []struct{ options, path, want string }{
		{all, "/own/x", "joe /x"},
		{all, "/a.txt", ""},
		{all, "/link", ""},
		{all, "/..%2foutside", ""},
		{all, "/../outside", ""},
		{all + "programs { .txt = /bin/sh }\n", "/a.txt/y", "joe /y"},
		{all + "programs { .txt = /bin/sh }\nexecutable = no\n", "/own", ""},
	} {
		_, addr := serve(t, "site {\ncgi /cgi {\npath = "+bin+"\n"+tt.options+"}\n}\n")
		status, body := sendRaw(t, addr, "/cgi"+tt.path, "")
		if (status == 200) != (tt.want != "") || status == 200 && body != tt.want {
			t.Errorf("%s with %s: %d %q", tt.path, tt.options, status, body)
		}
	}
}

// TestCGIMistakes: what several options say together.
func TestCGIMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"cgi /x {\npath = /x\nexecutable = no\n}":                    "nothing could be run",
		"cgi / {\npath = /x\nprograms { py = /bin/x }\n}":            "write .py = ",
		"cgi / {\npath = /x\nprograms { .py = python }\n}":           "write .py = ",
		"cgi /x {\npath = /x\nsend_file { / = /x }\n}":               `"/" is no absolute path`,
		"proxy / {\nto = 127.0.0.1:1\nsend_file { /a/../b = /x }\n}": "is no absolute path",
		"proxy / {\nto = 127.0.0.1:1\nsend_file { /a = x }\n}":       `"x" is no path of a site`,
		"auth_fastcgi":                               "auth_fastcgi",
		"auth_fastcgi {\ngroup = none\n}":            `there is no group "none"`,
		"auth_fastcgi {\nto = 127.0.0.1:1\nx = 1\n}": `no setting "x"`,
	} {
		_, err := LoadText("x", "site {\n"+text+"\n}\n", Standard(), Options{Getenv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestSendFileSection: a backend names a file of a directory that is served here, and no other.
func TestSendFileSection(t *testing.T) {
	dir := tree(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Sendfile", r.URL.Query().Get("f"))
	}))
	defer app.Close()
	_, addr := serve(t, "site {\nproxy / {\nto = "+app.Listener.Addr().String()+
		"\nsend_file { /srv/private = /files }\n}\nserve_files /files {\npath = "+dir+"\n}\n}\n")
	for name, want := range map[string]string{
		"/srv/private/a.txt": "text", "/srv/private/admin/../a.txt": "", "/srv/other/a.txt": "",
		"/srv/private/../../etc/passwd": "", "/srv/privatea.txt": "", "/etc/passwd": "",
	} {
		status, body := sendRaw(t, addr, "/?f="+name, "")
		if (status == 200) != (want != "") || status == 200 && body != want {
			t.Errorf("%s: %d %q", name, status, body)
		}
	}
}

// TestAuthFastCGI: an authorizer lets in or not, by a group and by settings of its own, and nobody
// comes in when it is gone.
func TestAuthFastCGI(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go authorize(l)
	to := "to = " + l.Addr().String() + "\n"
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	_, addr := serve(t, "group g {\n"+to+"}\nsite {\nresponse / {\ncode = 200\nbody = in\n}\n"+
		"at /own {\nauth_fastcgi {\n"+to+"}\n}\nat /group {\nauth_fastcgi {\ngroup = g\n}\n}\n"+
		"at /any {\nauth_fastcgi {\n"+to+"}\naccess {\nall = deny\nsatisfy = any\n}\n}\n"+
		"at /gone {\nauth_fastcgi {\nto = "+gone.Addr().String()+"\n}\n}\n}\n")
	defer l.Close()
	for path, want := range map[string]int{
		"/own?good": 200, "/own?bad": 403, "/group?good": 200, "/group": 403, "/any?good": 200,
		"/any": 403, "/%6fwn": 403, "/x/../own": 403, "/": 200, "/gone?good": 502,
	} {
		if status, body := sendRaw(t, addr, path, ""); status != want {
			t.Errorf("%s: %d %q, want %d", path, status, body, want)
		}
	}
}

// authorize is a FastCGI authorizer that lets in whose query is "good".
func authorize(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var params []byte
			for {
				head := make([]byte, 8)
				if _, err := io.ReadFull(c, head); err != nil {
					return
				}
				body := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
				if _, err := io.ReadFull(c, body); err != nil {
					return
				}
				if params = append(params, body...); head[1] == 4 && len(body) == 0 {
					break
				}
			}
			answer := "Status: 403 Forbidden\r\n\r\n"
			if bytes.Contains(params, []byte("QUERY_STRINGgood")) {
				answer = "Status: 200 OK\r\nVariable-REMOTE_USER: joe\r\n\r\n"
			}
			out := append([]byte{1, 6, 0, 1, 0, byte(len(answer)), 0, 0}, answer...)
			out = append(out, 1, 6, 0, 1, 0, 0, 0, 0, 1, 3, 0, 1, 0, 8, 0, 0)
			_, _ = c.Write(append(out, make([]byte, 8)...)) // who has left asks nobody
		}()
	}
}
