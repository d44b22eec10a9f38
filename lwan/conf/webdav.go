package conf

import (
	"errors"
	"time"

	"github.com/golwan/golwan/handlers/webdav"
	"github.com/golwan/golwan/lwan"
)

// webDAV is handlers/webdav.
type webDAV struct {
	Path     string        `opens:"write" conf:"path,required" doc:"the directory"`
	ReadOnly bool          `default:"true" doc:"clients may not change what is there"`
	MaxBody  Size          `default:"1G" range:"1.." doc:"of a file that is put; then 413"`
	Locks    int           `default:"10000" range:"1..10000000" doc:"at a time; beyond it 423"`
	LockTime time.Duration `default:"1h" range:"1.." doc:"after which a lock ends that is not refreshed"`
}

// Check implements Checker.
func (c *webDAV) Check() error {
	if c.LockTime < time.Second {
		return errors.New("lock_time is below a second")
	}
	return nil
}

var webdavModule = lwan.Module[webDAV]{
	Name: "webdav", HandOn: true,
	Open: func(s *lwan.Scope, c webDAV) error {
		return webdav.Module.Open(s, webdav.Config{
			Dir: c.Path, Write: !c.ReadOnly, MaxBody: int64(c.MaxBody), Locks: c.Locks,
			LockTime: c.LockTime,
		})
	},
}
