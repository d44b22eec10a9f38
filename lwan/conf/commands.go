package conf

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/golwan/golwan/handlers"
)

// commands are what may stand in place of flags.
func (p *program) commands() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		"help": p.help, "fmt": p.format, "hash": p.hash, "version": p.version,
	}
}

func (p *program) help(args []string) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	return p.exit(Help(p.out, p.reg, name), exitWrong)
}

// format writes files in the one format.
func (p *program) format(args []string) int {
	f := flag.NewFlagSet(p.name+" fmt", flag.ContinueOnError)
	f.SetOutput(p.err)
	write := f.Bool("w", false, "write into the files, in place of standard output")
	if err := f.Parse(args); err != nil {
		return exitWrong
	}
	if f.NArg() == 0 {
		f.Usage()
		return exitWrong
	}
	code := exitOK
	for _, name := range f.Args() {
		if p.exit(p.formatFile(name, *write), exitWrong) != exitOK {
			code = exitWrong
		}
	}
	return code
}

func (p *program) formatFile(name string, write bool) error {
	text, err := readFile(name)
	if err != nil {
		return err
	}
	formatted, err := Format(name, text)
	if err != nil {
		return err
	}
	if !write {
		_, err = p.out.Write(formatted)
		return err
	}
	if bytes.Equal(text, formatted) {
		return nil
	}
	fi, err := os.Stat(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, formatted, fi.Mode().Perm())
}

// hash reads a password's line and writes its hash. The terminal shows what is typed: so it is
// rather for a pipe.
func (p *program) hash([]string) int {
	line, err := bufio.NewReader(p.in).ReadString('\n')
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return p.exit(errors.Join(err, errors.New("there is no password on standard input")),
			exitWrong)
	}
	hash, err := handlers.HashPassword(password)
	if err != nil {
		return p.exit(err, exitWrong)
	}
	fmt.Fprintln(p.out, hash)
	return exitOK
}

func (p *program) version([]string) int {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version + " " + info.GoVersion
	}
	fmt.Fprintln(p.out, p.name, version)
	return exitOK
}
