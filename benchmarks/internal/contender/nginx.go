package contender

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// nginxConfig turns off everything that costs time and is not asked for: no access log, no limit of
// requests for a connection that a run could reach. Every path that nginx writes to is in the
// temporary folder. It reads a body as most do that stand before an application: all of it, and
// then something else gives the answer.
var nginxConfig = template.Must(template.New("nginx").Parse(`daemon off;
{{if .Root}}user root;
{{end}}worker_processes {{.Workers}};
worker_rlimit_nofile {{.Files}};
pid {{.Dir}}/pid;
error_log stderr crit;
events {
	worker_connections {{.Connections}};
}
http {
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 1h;
	sendfile on;
	open_file_cache max=10000 inactive=1h;
	open_file_cache_valid 1h;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	server {
		listen {{.Addr}} backlog=4096;
		location = / {
			default_type "{{.Type}}";
			return 200 "{{.Greeting}}";
		}
		location = /post {
			proxy_pass http://{{.Addr}}/;
			proxy_method GET;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
		}
{{if .Tree}}		location {{.Path}} {
			default_type "{{.Type}}";
			types {}
{{if .Packed}}			gzip_static on;
{{end}}			alias {{.Tree}}/;
		}
{{end}}	}
}
`))

// nginx is the one that the distribution has installed, answering hello from its configuration, and
// files with sendfile and descriptors that it keeps open.
func nginx() Contender {
	const about = "nginx as installed, answering with its return directive"
	return Contender{Name: "nginx", About: about,
		serves: slices.Concat(plainFiles,
			[]contract.Feature{contract.Hello, contract.FileGzip, contract.MixStill}),
		prepare: func(ctx context.Context, _ string) (Program, error) {
			binary, version, err := installed(ctx, "nginx", "-v")
			if err != nil {
				return Program{}, err
			}
			packed, err := servesPacked(ctx, binary)
			return Program{Version: version, Binary: binary,
				command: func(s Setup, addr, dir string) (proc.Command, error) {
					file := filepath.Join(dir, "nginx.conf")
					settings := newSettings(s, addr, dir)
					settings.Packed = packed
					err := writeConfig(file, nginxConfig, settings)
					return proc.Command{
						Args: []string{binary, "-p", dir, "-e", "stderr", "-c", file},
					}, err
				}}, err
		}}
}

// settings are what the configurations of nginx and lighttpd depend on.
type settings struct {
	Addr, Host, Port string
	Dir              string
	Root             bool // started by root, whose workers would otherwise be another user's
	Workers          int
	Files            uint64 // file descriptors
	Connections      uint64 // that is below Files, with some to spare
	Type, Greeting   string
	Tree, Path       string // the folder of the files, and where it is served; "" for no files
	Packed           bool   // files with a compressed sibling are sent as that
}

// servesPacked reports whether an nginx was built with the module that sends compressed siblings.
func servesPacked(ctx context.Context, binary string) (bool, error) {
	built, err := exec.CommandContext(ctx, binary, "-V").CombinedOutput()
	return bytes.Contains(built, []byte("http_gzip_static_module")), err
}

func newSettings(s Setup, addr, dir string) settings {
	host, port, _ := strings.Cut(addr, ":")
	files := proc.FileLimit()
	return settings{Addr: addr, Host: host, Port: port, Dir: dir, Root: os.Geteuid() == 0,
		Workers: s.workers(), Files: files, Connections: files - files/10, Type: contract.PlainText,
		Greeting: contract.Greeting, Tree: s.Files, Path: contract.FilesPath}
}

func writeConfig(name string, config *template.Template, s settings) error {
	var b strings.Builder
	if err := config.Execute(&b, s); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, []byte(b.String()), 0o644)
}
