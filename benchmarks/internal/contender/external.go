package contender

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// External is a contender that was built elsewhere and is started with a command line for the
// shell. Before it is run, {addr}, {host} and {port} in it are replaced by a free address, {dir} by
// a temporary folder, and {files} by the folder of contract.WriteFiles. Its hello is at address, a
// URL without a query; "" is http://{addr}/. An address with a port of its own is for a server that
// cannot be told where to listen. The other requests of the contract go to the same host and port,
// and workloads that it does not answer rightly are left out.
func External(name, command, address string) (Contender, error) {
	if name == "" || strings.TrimSpace(command) == "" {
		return Contender{}, fmt.Errorf("contender %q needs a name and a command", name)
	}
	if _, known := Find(name); known {
		return Contender{}, fmt.Errorf("there is a contender %s already", name)
	}
	if err := checkAddress(address); err != nil {
		return Contender{}, fmt.Errorf("contender %s: %w", name, err)
	}
	return Contender{Name: name, About: command,
		prepare: func(context.Context, string) (Program, error) {
			return Program{Version: "external", url: address,
				command: func(s Setup, addr, dir string) (proc.Command, error) {
					// exec replaces the shell, so that the process id is the server's.
					return proc.Command{
						Args: []string{"sh", "-c", "exec " + fill(command, addr, dir, s.Files)},
					}, nil
				}}, nil
		}}, nil
}

func checkAddress(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(fill(address, "127.0.0.1:1", "", ""))
	if err != nil {
		return err
	}
	if u.Scheme != "http" || u.Port() == "" || u.RawQuery != "" {
		return fmt.Errorf("%s is not of the form http://host:port/path", address)
	}
	return nil
}

func fill(template, addr, dir, files string) string {
	host, port, _ := strings.Cut(addr, ":")
	return strings.NewReplacer("{addr}", addr, "{host}", host, "{port}", port, "{dir}", dir,
		"{files}", files).Replace(template)
}
