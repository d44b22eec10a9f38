package conf

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// Exit codes of Main.
const (
	exitOK      = 0
	exitFailure = 1 // while it ran
	exitWrong   = 2 // the configuration or the command line
)

// Main is the program: flags, commands, signals, pid file, logs. It does not return.
//
//	func main() {
//		reg := conf.Standard()
//		reg.Handlers["hello"] = hello // in the file: &hello /hello
//		conf.Main(reg)
//	}
func Main(reg Registry) {
	p := &program{reg: reg, name: filepath.Base(os.Args[0]), in: os.Stdin, out: os.Stdout,
		err: os.Stderr}
	os.Exit(p.main(os.Args[1:]))
}

// program is one run of Main.
type program struct {
	reg  Registry
	name string
	in   io.Reader
	out  io.Writer
	err  io.Writer

	// of the command line
	file, dir, addr     string
	check, types, print bool
	send                string
	set                 map[string]string
}

const usage = `usage: %[1]s [flags] [DIR [ADDR]]
       %[1]s help [NAME]        what a configuration can name, or the options of one name
       %[1]s fmt [-w] FILE...   write configurations in the one format; -w: into their files
       %[1]s hash               read a password, and write a hash for auth_basic
       %[1]s version

DIR is served on ADDR (localhost:8080), without a configuration. Without DIR the configuration is
%[1]s.conf, else lwan.conf, of the working directory; without these that directory is served.

`

func (p *program) main(args []string) int {
	if len(args) > 0 {
		if command, ok := p.commands()[args[0]]; ok {
			return command(args[1:])
		}
	}
	if code, ok := p.flags(args); !ok {
		return code
	}
	config, code := p.load()
	if config == nil {
		return code
	}
	switch {
	case p.types:
		fmt.Fprintln(p.out, "ok")
		return exitOK
	case p.print:
		return p.exit(config.Print(p.out), exitFailure)
	case p.send != "":
		return p.exit(send(config, p.send), exitFailure)
	case p.check:
		if code := p.exit(config.jacket.enter(), exitWrong); code != exitOK {
			return code
		}
		if code := p.exit(config.Open(), exitWrong); code != exitOK {
			return code
		}
		fmt.Fprintln(p.out, "ok")
		return exitOK
	}
	return p.serve(config)
}

// exit is the code for an error, which it shows.
func (p *program) exit(err error, code int) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(p.err, strings.TrimRight(err.Error(), "\n"))
	return code
}

// flags reads the command line; not ok: the program ends with code.
func (p *program) flags(args []string) (code int, ok bool) {
	p.set = map[string]string{}
	f := flag.NewFlagSet(p.name, flag.ContinueOnError)
	f.SetOutput(p.err)
	f.Usage = func() {
		fmt.Fprintf(p.err, usage, p.name)
		f.PrintDefaults()
	}
	f.StringVar(&p.file, "c", "", "the configuration, a `FILE`")
	f.BoolVar(&p.check, "t", false,
		"check the configuration: open everything, listen on nothing, and end")
	f.BoolVar(&p.types, "T", false, "check syntax and types of the configuration, and end")
	f.BoolVar(&p.print, "p", false,
		"print the configuration as it counts, each line with its place, and end")
	f.StringVar(&p.send, "s", "",
		"`SIGNAL` the process of the configuration's pid_file: reload, upgrade, reopen, stop, quit")
	f.StringVar(&p.dir, "r", "", "serve `DIR`, without a configuration")
	f.StringVar(&p.addr, "l", "", "listen on `ADDR`, without a configuration")
	f.Func("D", "set a constant, `NAME=VALUE`, that goes before the file's", p.define)
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK, false
	} else if err != nil {
		return exitWrong, false
	}
	rest := f.Args()
	if len(rest) > 2 || len(rest) > 0 && p.dir != "" || len(rest) == 2 && p.addr != "" {
		f.Usage()
		return exitWrong, false
	}
	if len(rest) > 0 {
		p.dir = rest[0]
	}
	if len(rest) > 1 {
		p.addr = rest[1]
	}
	if p.file != "" && (p.dir != "" || p.addr != "") {
		fmt.Fprintln(p.err,
			"a configuration says by itself what is served, and where: leave DIR and ADDR, or -c "+
				"out")
		return exitWrong, false
	}
	return exitOK, true
}

func (p *program) define(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || !isVariableName(name) {
		return errors.New("write NAME=VALUE")
	}
	p.set[name] = value
	return nil
}

// load finds the configuration; nil: the program ends with code.
func (p *program) load() (*Config, int) {
	file := p.file
	for _, name := range []string{p.name + ".conf", "lwan.conf"} {
		if _, err := os.Stat(name); err == nil && file == "" && p.dir == "" && p.addr == "" {
			file = name
		}
	}
	options := Options{Set: maps.Clone(p.set)}
	var config *Config
	var err error
	if file == "" {
		config, err = LoadText("command line", p.directory(), p.reg, options)
	} else {
		config, err = Load(file, p.reg, options)
	}
	if err != nil {
		return nil, p.exit(err, exitWrong)
	}
	if w := config.Warnings(); len(w) > 0 {
		fmt.Fprint(p.err, w.Error())
	}
	return config, exitOK
}

// directory is a configuration that serves a directory: on this host alone, unless somebody says
// more.
func (p *program) directory() string {
	dir, addr := cmp.Or(p.dir, "."), cmp.Or(p.addr, "localhost:8080")
	return "listener " + word(addr) + "\nsite {\n    serve_files / { path = " + quote(dir) +
		" }\n}\n"
}

// serve runs the server until it is told to end.
func (p *program) serve(config *Config) int {
	srv, err := config.Server()
	if err != nil {
		return p.exit(err, exitWrong)
	}
	if _, err := os.Stat(config.file); err != nil { // it is the command line
		go p.tell(srv)
	}
	return p.exit(srv.Run(), exitFailure)
}

// tell prints where the server is, once it is.
func (p *program) tell(srv *Server) {
	<-srv.Ready()
	for _, a := range srv.Addrs() {
		fmt.Fprintf(p.err, "http://%s/\n", a)
	}
}

// Open opens everything that a server of the configuration would, but for addresses, and closes it
// again: whether a start would fail.
func (c *Config) Open() error {
	srv, err := c.server(true)
	if err != nil {
		return err
	}
	if _, err := srv.Build(); err != nil {
		return err
	}
	return srv.Close()
}

// Run serves until the process gets SIGTERM or SIGINT, as lwan.Run does. SIGHUP and SIGUSR1 reopen
// the logs, SIGHUP reads the configuration again (see Reload), SIGQUIT ends when the last request
// has, however long that takes, SIGUSR2 starts the program anew with its sockets. While it serves,
// the file pid_file has the number of the process.
func (s *Server) Run() error {
	if err := s.config.jacket.enter(); err != nil {
		return err
	}
	defer s.notify()()
	if name := s.config.settings.PidFile; name != "" {
		defer s.pidFile(name)()
	}
	return lwan.Run(s.Server)
}
