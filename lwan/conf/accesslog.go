package conf

import (
	"errors"
	"io/fs"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// accessLogConfig is the section access_log.
type accessLogConfig struct {
	File   string        `conf:"file,arg" default:"stdout" doc:"stdout, stderr or a path"`
	Format string        `default:"combined" oneof:"combined" doc:"of the lines"`
	Mode   fs.FileMode   `default:"0640" doc:"of a file that is made"`
	Slower time.Duration `range:"0.." doc:"only requests that took longer; 0: all"`
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
	if l.file, err = openLog(l.config.File, l.config.Mode); err == nil {
		l.lines = handlers.AccessLog(l.file)
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
