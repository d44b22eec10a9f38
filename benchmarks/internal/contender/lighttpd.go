package contender

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"text/template"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// lighttpdConfig serves a file, because lighttpd has no directive that answers with a text. 65535
// is the highest number of requests for a connection that lighttpd can count to. It sends no
// compressed siblings; what it has compressed once it keeps, which comes to the same.
var lighttpdConfig = template.Must(template.New("lighttpd").Parse(`server.bind = "{{.Host}}"
server.port = {{.Port}}
server.document-root = "{{.Dir}}/htdocs"
server.errorlog = "/dev/stderr"
server.max-fds = {{.Files}}
server.max-connections = {{.Connections}}
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
{{if gt .Workers 1}}server.max-worker = {{.Workers}}
{{end}}{{if .Tree}}server.modules += ( "mod_deflate" )
deflate.cache-dir = "{{.Dir}}/cache"
deflate.mimetypes = ( "text/" )
deflate.allowed-encodings = ( "gzip" )
{{end}}index-file.names = ( "index.txt" )
mimetype.assign = ( ".txt" => "{{.Type}}" )
`))

// lighttpd is the one that the distribution has installed, answering with a file of 13 bytes.
func lighttpd() Contender {
	const about = "lighttpd as installed, answering with a small file"
	return Contender{Name: "lighttpd", About: about,
		serves: slices.Concat(plainFiles,
			[]contract.Feature{contract.Hello, contract.FileGzip, contract.MixStill}),
		prepare: func(ctx context.Context, _ string) (Program, error) {
			binary, version, err := installed(ctx, "lighttpd", "-v")
			return Program{Version: version, Binary: binary,
				command: func(s Setup, addr, dir string) (proc.Command, error) {
					return lighttpdCommand(binary, newSettings(s, addr, dir))
				}}, err
		}}
}

func lighttpdCommand(binary string, s settings) (proc.Command, error) {
	root := filepath.Join(s.Dir, "htdocs")
	if err := os.Mkdir(root, 0o755); err != nil {
		return proc.Command{}, err
	}
	index := filepath.Join(root, "index.txt")
	if err := os.WriteFile(index, []byte(contract.Greeting), 0o644); err != nil {
		return proc.Command{}, err
	}
	if s.Tree != "" {
		if err := os.Symlink(s.Tree, filepath.Join(root, path.Base(s.Path))); err != nil {
			return proc.Command{}, err
		}
	}
	file := filepath.Join(s.Dir, "lighttpd.conf")
	return proc.Command{Args: []string{binary, "-D", "-f", file}},
		writeConfig(file, lighttpdConfig, s)
}
