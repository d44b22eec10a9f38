package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	mode        string
	servers     []string
	connections int
	duration    time.Duration
	interval    time.Duration // of a slow client
	quiet       time.Duration // of descriptors: how long nothing happens
	limit       int           // of descriptors of the server; 0: as many as it may have
	memory      int           // MiB that golwan may take; 0: what each attack's bar says
	gather      time.Duration // in which slow clients come, one after the other
	settle      time.Duration // which a server has after an attack to come to rest
	own         bool
	only        string
	bin         string
}

var modes = []string{"slow", "flood", "descriptors"}

// parse reads the arguments: the mode first.
func parse(args []string, log io.Writer) (*options, error) {
	o := &options{gather: 2 * time.Second, settle: time.Second}
	f := flag.NewFlagSet("attack", flag.ContinueOnError)
	f.SetOutput(log)
	f.Usage = func() {
		fmt.Fprintf(log, "usage: go run ./attack %s [flags]\n\n", strings.Join(modes, "|"))
		f.PrintDefaults()
	}
	servers := f.String("servers", "golwan,nginx",
		"who is attacked, with commas between; one that is not installed is left out")
	f.IntVar(&o.connections, "connections", 4000,
		"of slow clients, and of each flood that holds them")
	f.DurationVar(&o.duration, "duration", 20*time.Second, "of each attack")
	f.DurationVar(&o.interval, "interval", time.Second,
		"between two bytes of a slow client of our own")
	f.DurationVar(&o.quiet, "quiet", 10*time.Second,
		"descriptors: how long the CPU time of an idle server is measured")
	f.IntVar(&o.limit, "limit", 0, "descriptors: the server's limit; 0: what the system allows")
	f.IntVar(&o.memory, "memory", 0, "MiB of resident memory that golwan may take during an "+
		"attack; 0: what the table says, with the reason")
	f.BoolVar(&o.own, "own", true, "slow: attack with clients of our own after slowhttptest")
	f.StringVar(&o.only, "only", "", "attacks whose name has this in it")
	f.StringVar(&o.bin, "bin", "bin", "folder for the programs that are built")
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		f.Usage()
		return nil, errors.Join(errors.New("no attack was named"), f.Parse(args))
	}
	o.mode = args[0]
	if err := f.Parse(args[1:]); err != nil {
		return nil, err
	}
	o.servers = strings.Split(*servers, ",")
	return o, o.check(f.Args())
}

func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("there is no use for %q", rest)
	case !slices.Contains(modes, o.mode):
		return fmt.Errorf("there is no attack %s; there are: %s", o.mode, strings.Join(modes, ", "))
	case o.connections < 1 || o.duration <= 0 || o.interval <= 0 ||
		o.quiet <= 0 || o.memory < 0 || o.limit < 0:
		return errors.New("numbers and times must be positive")
	}
	return nil
}
