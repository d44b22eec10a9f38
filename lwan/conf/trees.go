package conf

import (
	"time"

	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
)

// Modules that serve many trees of files, of hosts or of users.

// vhosts serves a directory for each host.
type vhosts struct {
	Path    string        `opens:"read" conf:"path,required" doc:"of a host: /srv/%0; %0 is the host, %1 its last label, %2 the one before, %{2.1} a letter"`
	Default string        `opens:"read" doc:"the directory of hosts that have none; none: 404"`
	Max     int           `default:"1000" range:"1.." doc:"directories that are open at a time, which share cache_entries and cache_memory"`
	Expire  time.Duration `default:"1m" range:"1.." doc:"how long one is believed to be its host's"`
	fileOptions
}

// Check implements Checker.
func (c *vhosts) Check() error {
	if err := (files.VHostsConfig{Dir: c.Path}).Check(); err != nil {
		return err
	}
	return c.fileOptions.Check()
}

var vhostsModule = lwan.Module[vhosts]{
	Name: "vhosts", HandOn: true,
	Open: func(s *lwan.Scope, c vhosts) error {
		each, err := c.files()
		if err != nil {
			return err
		}
		return files.VHosts.Open(s, files.VHostsConfig{
			Dir: c.Path, Default: c.Default, Max: c.Max, TTL: c.Expire, Files: each,
		})
	},
}

// userdir serves a directory of each user, at /~name below its prefix.
type userdir struct {
	Path         string        `default:"public_html" doc:"below the home of a user; homes must be readable for the server"`
	Base         string        `opens:"read" doc:"where homes are, in place of those of the system's users"`
	Users        []string      `doc:"users; none: those with an ID from 1000 on, or all of base"`
	ExcludeUsers []string      `default:"root" doc:"users who have none"`
	Max          int           `default:"1000" range:"1.." doc:"directories that are open at a time, which share cache_entries and cache_memory"`
	Expire       time.Duration `default:"1m" range:"1.." doc:"how long one is believed to be its user's"`
	fileOptions
}

// Check implements Checker.
func (c *userdir) Check() error {
	if err := (files.UserDirsConfig{Dir: c.Path}).Check(); err != nil {
		return err
	}
	return c.fileOptions.Check()
}

var userdirModule = lwan.Module[userdir]{
	Name: "userdir", HandOn: true,
	Open: func(s *lwan.Scope, c userdir) error {
		each, err := c.files()
		if err != nil {
			return err
		}
		return files.UserDirs.Open(s, files.UserDirsConfig{
			Dir: c.Path, Base: c.Base, Include: c.Users,
			Exclude: append([]string{}, c.ExcludeUsers...), Max: c.Max, TTL: c.Expire, Files: each,
		})
	},
}
