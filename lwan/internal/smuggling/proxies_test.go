//go:build linux

package smuggling_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// The probes sent through proxies that keep connections to the server and share them between
// clients. A server that disagrees with a proxy about where a request ends gives a client the
// answer of another one, or sees a request that the proxy never sent. So each probe is followed by
// victims on connections of their own, all requests have names, all answers numbers, and in the end
// what handlers have seen is compared with the proxy's log:
//
//	attacker --probe--> proxy ==kept==> server      the handler numbers what it sees: 1, 2, 3 ...
//	victim   --name---> proxy ==kept==> server      the answer must have the victim's name
//	                    log: number of the answer, and the request that it was given to

// reverseProxy is a kind of proxy.
type reverseProxy struct {
	tool   string
	fronts []string  // its configurations, each with a port
	args   []string  // config is where the configuration lies
	stop   os.Signal // asks for an end when the connections have ended
	config func(ports []string, upstream string) string
}

var reverseProxies = []reverseProxy{
	{
		tool: "nginx", fronts: []string{"reads bodies first", "passes bodies on", h2Front},
		args: []string{"-p", ".", "-c", "config", "-e", "errors"},
		stop: syscall.SIGQUIT, config: nginxConfig,
	},
	{
		tool: "haproxy", fronts: []string{"strict", "lenient", h2Front},
		args: []string{"-f", "config", "-db"}, stop: syscall.SIGUSR1, config: haproxyConfig,
	},
}

const h2Front = "h2"

func nginxConfig(ports []string, upstream string) string {
	server := func(listen, buffering string) string {
		return `
	server {
		listen ` + listen + `;
		ignore_invalid_headers off;
		underscores_in_headers on;
		location / {
			proxy_pass http://upstream;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_request_buffering ` + buffering + `;
			proxy_ignore_client_abort on;
		}
	}`
	}
	return `
daemon off;
user root;
worker_processes 1;
pid pid;
error_log errors;
events { worker_connections 256; }
http {
	log_format forwarded '$upstream_http_x_seen|$request_method $request_uri';
	access_log log forwarded;
	client_body_temp_path temp;
	proxy_temp_path temp;
	fastcgi_temp_path temp;
	uwsgi_temp_path temp;
	scgi_temp_path temp;
	upstream upstream { server ` + upstream + `; keepalive 4; }` + server(ports[0], "on") +
		server(ports[1], "off") + server(ports[2]+" http2", "off") + `
}
`
}

func haproxyConfig(ports []string, upstream string) string {
	return `
global
	log stdout format raw local0
	nbthread 1
defaults
	mode http
	log global
	log-format "%[capture.res.hdr(0)]|%r"
	http-reuse always
	timeout client 30s
	timeout server 30s
	timeout connect 30s
frontend strict
	bind fd@3
	capture response header X-Seen len 16
	default_backend upstream
frontend lenient
	bind fd@4
	option accept-invalid-http-request
	capture response header X-Seen len 16
	default_backend upstream
frontend h2
	bind fd@5 proto h2
	capture response header X-Seen len 16
	default_backend upstream
backend upstream
	server upstream ` + upstream + `
`
}

// runningProxy is one that runs.
type runningProxy struct {
	reverseProxy
	dir   string
	addrs []string // of the fronts
	cmd   *exec.Cmd
}

// start runs the proxy in the foreground, in a folder of its own. Its ports are open before it is
// there: it is given them.
func (p reverseProxy) start(t *testing.T, upstream string) *runningProxy {
	t.Helper()
	path, err := exec.LookPath(p.tool)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + p.tool); err != nil {
			t.Skipf("skipped: there is no %s", p.tool)
		}
	}
	r := &runningProxy{reverseProxy: p, dir: t.TempDir(), cmd: exec.Command(path, p.args...)}
	r.cmd.Dir = r.dir
	inherited := "NGINX="
	for i := range p.fronts {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		defer l.Close()
		r.addrs, r.cmd.ExtraFiles = append(r.addrs, l.Addr().String()), append(r.cmd.ExtraFiles, f)
		inherited += strconv.Itoa(3+i) + ";"
	}
	r.cmd.Env = append(os.Environ(), inherited)
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	r.cmd.Stdout = log
	config := []byte(p.config(r.addrs, upstream))
	if err := os.WriteFile(filepath.Join(r.dir, "config"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil { // the test has failed before the end
			_ = r.cmd.Process.Signal(syscall.SIGTERM)
			_ = r.cmd.Wait()
		}
		text, err := os.ReadFile(filepath.Join(r.dir, "errors"))
		if t.Failed() && err == nil {
			t.Logf("%s: %s", r.tool, text)
		}
	})
	return r
}

// end stops the proxy and returns what it has logged.
func (r *runningProxy) end(t *testing.T) []string {
	t.Helper()
	if err := r.cmd.Process.Signal(r.stop); err != nil {
		t.Error(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%s: %v", r.tool, err)
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// upstream is the server behind a proxy, which numbers what it sees.
type upstream struct {
	mu    sync.Mutex
	seen  []string // names; the number is the index + 1
	conns map[string]bool
}

// requestName finds a request's name, in a target of any form or in a line of a log.
var requestName = regexp.MustCompile(
	`([A-Za-z]+) (?:https?://[^/ ]*)?(/(?:read|ignore|victim)/[0-9a-f]{4}[0-9a-z]*|/smuggled-[0-9a-f]{4})`)

func nameOf(text string) string {
	if m := requestName.FindStringSubmatch(text); m != nil {
		return m[1] + " " + m[2]
	}
	return ""
}

func (u *upstream) number(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		u.mu.Lock()
		u.seen = append(u.seen, nameOf(req.Method()+" "+req.Target()))
		u.conns[req.RemoteAddr().String()] = true
		n := len(u.seen)
		u.mu.Unlock()
		resp.SetHeader("X-Seen", strconv.Itoa(n))
		return next(req, resp)
	}
}

func (u *upstream) serve(t *testing.T) string {
	srv := &lwan.Server{}
	srv.Use(u.number)
	srv.Handle("/", recite)
	srv.Handle("/ignore/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "ignored")
	})
	return serve(t, srv)
}

// named is the probe's bytes with a number of their own.
func (p *probe) named(path string, n int) string {
	id := fmt.Sprintf("%04x", n)
	return strings.NewReplacer("{p}", path+"/"+id, "/smuggled-0000", "/smuggled-"+id).Replace(p.raw)
}

// TestSmugglingBehindProxies: no probe makes a proxy and the server disagree.
func TestSmugglingBehindProxies(t *testing.T) {
	t.Parallel()
	for _, kind := range reverseProxies {
		t.Run(kind.tool, func(t *testing.T) {
			t.Parallel()
			u := &upstream{conns: map[string]bool{}}
			proxy := kind.start(t, u.serve(t))
			sent := proxy.attackAll(t)
			log := proxy.end(t)
			u.mu.Lock() // nobody else has it, but only the proxy knows
			defer u.mu.Unlock()
			disagreements := u.compare(log)
			for _, d := range disagreements {
				t.Error(d)
			}
			t.Logf("%d probes, sent %d times through %s; %d requests seen, over %d connections; "+
				"disagreements: %d",
				len(probes())+len(h2Probes), sent, kind.tool, len(u.seen),
				len(u.conns), len(disagreements))
			if len(u.seen) < 10*len(u.conns) {
				t.Error("the proxy does not keep its connections")
			}
		})
	}
}

// attackAll sends all probes to all fronts, and returns how many that were.
func (r *runningProxy) attackAll(t *testing.T) (sent int) {
	for front, name := range r.fronts {
		if name == h2Front {
			sent += attackAllH2(t, r.addrs[front], r.addrs[:front])
			continue
		}
		for _, p := range probes() {
			for _, path := range []string{"/read", "/ignore"} {
				attackThrough(t, r.addrs[front], &p, p.named(path, sent), fmt.Sprintf("%04x", sent))
				sent++
			}
		}
	}
	return sent
}

// attackThrough sends raw to the proxy, and victims while it waits and afterwards.
func attackThrough(t *testing.T, addr string, p *probe, raw, id string) {
	w := dial(t, addr)
	defer w.Close()
	w.send(t, raw)
	victims(t, addr, p, id+"during")
	if err := w.CloseWrite(); err != nil && !isReset(err) {
		t.Errorf("%s: %v", p.name, err)
	}
	if _, err := io.Copy(io.Discard, w.r); err != nil && !isReset(err) {
		t.Errorf("%s: the proxy does not come to an end: %v", p.name, err)
	}
	victims(t, addr, p, id+"after")
}

// victims ask the proxy for something and must get that. A proxy that lets a malformed end of a
// body through finds the connection closed on which it has sent the next request already: it says
// so with a 502 of its own, and may be asked again.
func victims(t *testing.T, addr string, p *probe, id string) {
	t.Helper()
	for i, body := range []string{"", "of " + id} {
		name := fmt.Sprintf("/victim/%s%d", id, i)
		raw, want := "GET "+name+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET "+name
		if body != "" {
			raw, want = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+
				"Content-Length: %d\r\n\r\n%s", name, len(body), body), "POST "+name+" "+body
		}
		a := once(t, addr, "POST", raw)
		if a.status == http.StatusBadGateway && a.header.Get("X-Seen") == "" {
			t.Logf("%s: %s had to ask again", p.name, name)
			a = once(t, addr, "POST", raw)
		}
		if a.status != 200 || a.body != want || a.err != nil {
			t.Errorf("%s: the victim %s got %v\nof %q", p.name, name, a, p.raw)
		}
	}
}

// compare finds where the log and the handlers disagree: each answer belongs to the request that it
// was given to, and each request that was seen is one of the log, with this answer or, if the proxy
// did not wait for it, without.
func (u *upstream) compare(log []string) (wrong []string) {
	answered := make([]bool, len(u.seen))
	var left []string
	for _, line := range log {
		number, request, _ := strings.Cut(line, "|")
		n, err := strconv.Atoi(number)
		switch {
		case err != nil:
			left = append(left, nameOf(request))
		case n < 1 || n > len(u.seen) || answered[n-1]:
			wrong = append(wrong,
				fmt.Sprintf("logged %q, and there is no such answer, or it was given before", line))
		case u.seen[n-1] != nameOf(request):
			wrong = append(wrong, fmt.Sprintf("logged %q, and %q was seen", line, u.seen[n-1]))
		default:
			answered[n-1] = true
		}
	}
	for i, name := range u.seen {
		if answered[i] {
			continue
		}
		at := slices.Index(left, name)
		if at < 0 {
			wrong = append(wrong, fmt.Sprintf("seen %q, which the proxy did not send", name))
			continue
		}
		left = slices.Delete(left, at, at+1)
	}
	return wrong
}
