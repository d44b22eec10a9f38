package contender

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// programs is where the contenders in Go are, as a package path, so that building works from every
// folder of the module.
const programs = "github.com/golwan/golwan/benchmarks/contenders/"

// goProgram is a contender in the folder contenders. Its version is that of module, or of Go when
// there is none.
func goProgram(name, about, module string, serves ...contract.Feature) Contender {
	return Contender{Name: name, About: about, serves: serves,
		prepare: func(ctx context.Context, bin string) (Program, error) {
			return build(ctx, name, module, bin, func(s Setup, binary, addr string) []string {
				args := []string{binary, "-addr", addr}
				if s.Files != "" && slices.Contains(serves, contract.FileSmall) {
					args = append(args, "-files", s.Files)
				}
				return args
			})
		}}
}

// Variant is golwan with flags: another setting than the default.
func Variant(name, about string, flags ...string) Contender {
	c := goProgram("golwan", about, "", contract.Features()...)
	prepare := c.prepare
	c.Name, c.prepare = name, func(ctx context.Context, bin string) (Program, error) {
		p, err := prepare(ctx, bin)
		command := p.command
		p.command = func(s Setup, addr, dir string) (proc.Command, error) {
			started, err := command(s, addr, dir)
			started.Args = append(started.Args, flags...)
			return started, err
		}
		return p, err
	}
	return c
}

// floor is the lower bound; it has to be told what a server finds out by parsing.
func floor() Contender {
	const about = "bare epoll loop in Go with a constant answer: the lower bound"
	return Contender{Name: "floor", About: about, serves: []contract.Feature{contract.Hello},
		prepare: func(ctx context.Context, bin string) (Program, error) {
			return build(ctx, "floor", "", bin, func(s Setup, binary, addr string) []string {
				return []string{binary, "-addr", addr, "-loops", strconv.Itoa(s.workers()),
					"-close=" + strconv.FormatBool(s.Reconnect)}
			})
		}}
}

func build(
	ctx context.Context, name, module, bin string, args func(s Setup, binary, addr string) []string,
) (Program, error) {
	binary, err := filepath.Abs(filepath.Join(bin, name))
	if err != nil {
		return Program{}, err
	}
	_, err = proc.Run(ctx, proc.Command{
		Args: []string{"go", "build", "-o", binary, programs + name}, CPU: proc.AnyCPU,
	})
	if err != nil {
		return Program{}, fmt.Errorf("building %s: %w", name, err)
	}
	version, err := goVersion(binary, module)
	return Program{Version: version, Binary: binary,
		command: func(s Setup, addr, _ string) (proc.Command, error) {
			c := proc.Command{Args: args(s, binary, addr)}
			if s.CPU == proc.AnyCPU && s.Workers > 0 {
				c.Env = []string{"GOMAXPROCS=" + strconv.Itoa(s.Workers)}
			}
			return c, nil
		}}, err
}

// goVersion reads the versions that the binary itself states.
func goVersion(binary, module string) (string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", err
	}
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version + ", " + info.GoVersion, nil
		}
	}
	if module != "" {
		return "", fmt.Errorf("%s does not contain %s", binary, module)
	}
	return info.GoVersion, nil
}
