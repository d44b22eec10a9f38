package conf

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// cgi starts a program for each request.
type cgi struct {
	Path       string            `opens:"read" conf:"path,required" doc:"the directory of the programs"`
	Executable bool              `default:"true" doc:"run files that are programs themselves"`
	Programs   map[string]string `doc:"end of a name = program that runs such files: .py = /usr/bin/python3"`
	Env        map[string]string `doc:"name = value, beyond those of CGI"`
	Inherit    []string          `default:"PATH" doc:"variables of golwan's own that are passed on"`
	MaxAtOnce  int               `default:"64" range:"1..1000000" doc:"programs that run; beyond it queue"`
	Queue      *queueConfig      `doc:"where requests wait while so many run"`
	Kill       time.Duration     `default:"5s" range:"1.." doc:"from SIGTERM to SIGKILL"`
	Stream     bool              `doc:"answers go out as they come, which holds a program for a slow client"`
	answering
}

// Check implements Checker.
func (c *cgi) Check() error {
	if !c.Executable && len(c.Programs) == 0 {
		return errors.New("nothing could be run: set executable or programs")
	}
	for end, program := range c.Programs {
		if len(end) < 2 || end[0] != '.' || !strings.HasPrefix(program, "/") {
			return fmt.Errorf("programs: write .py = /usr/bin/python3, and not %s = %s", end,
				program)
		}
	}
	return c.answering.check()
}

// config is what package gateway has.
func (c *cgi) config() gateway.CGIConfig {
	programs := maps.Clone(c.Programs)
	if c.Executable {
		if programs == nil {
			programs = map[string]string{}
		}
		programs[""] = ""
	}
	return gateway.CGIConfig{
		Common: c.answering.common(), Dir: c.Path, Programs: programs, Env: c.Env,
		Inherit: append([]string{}, c.Inherit...), MaxAtOnce: c.MaxAtOnce,
		Queue: c.Queue.queue(), Kill: c.Kill, Stream: c.Stream,
	}
}

var cgiModule = lwan.Module[cgi]{
	Name: "cgi", HandOn: true,
	Open: func(s *lwan.Scope, c cgi) error { return gateway.CGI.Open(s, c.config()) },
}
