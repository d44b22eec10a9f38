package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// accessLogConfig is the section access_log.
type accessLogConfig struct {
	File   string        `opens:"write" conf:"file,arg" default:"stdout" doc:"stdout, stderr or a path"`
	Format string        `default:"combined" doc:"combined, json, or a text with %{fields}"`
	Mode   fs.FileMode   `default:"0640" doc:"of a file that is made"`
	Slower time.Duration `range:"0.." doc:"only requests that took longer; 0: all"`
}

// line is what makes the lines.
func (c *accessLogConfig) line() (handlers.LogLine, error) {
	switch c.Format {
	case "combined":
		return handlers.CombinedLine, nil
	case "json":
		return handlers.JSONLine, nil
	}
	if !strings.Contains(c.Format, "%{") {
		return nil, fmt.Errorf("format: %q is neither combined nor json, and has no %%{fields}",
			c.Format)
	}
	return handlers.ParseLogLine(c.Format)
}

// Check implements Checker.
func (c *accessLogConfig) Check() error {
	_, err := c.line()
	return err
}

// accessLog is an observer of those requests that have passed its filter.
type accessLog struct {
	n      *node
	config accessLogConfig
	all    bool           // it counts for all requests, also for those that no site saw
	key    lwan.Key[bool] // set by the filter
	file   *logFile
	lines  lwan.Observer
}

func (l *accessLog) open() (err error) {
	l.key = lwan.NewKey[bool]("access log")
	line, err := l.config.line()
	if err != nil {
		return err
	}
	if l.file, err = openLog(l.config.File, l.config.Mode); err == nil {
		l.lines = handlers.AccessLogOf(l.file, line)
	}
	return err
}

// mark is the filter: what passes it is logged.
func (l *accessLog) mark(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		l.key.Set(req, true)
		return next(req, resp)
	}
}

// Done implements lwan.Observer.
func (l *accessLog) Done(req *lwan.Request, resp *lwan.Response, took time.Duration) {
	if took < l.config.Slower {
		return
	}
	if passed, _ := l.key.Get(req); passed || l.all {
		l.lines.Done(req, resp, took)
	}
}

// Close implements lwan.Observer.
func (l *accessLog) Close() error { return errors.Join(l.lines.Close(), l.file.close()) }
