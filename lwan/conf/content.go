package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/template"
)

// serveFiles is handlers/files by the names of Lwan's module.
type serveFiles struct {
	Path string `opens:"read" conf:"path,required" doc:"the directory"`
	fileOptions
}

// fileOptions say how trees are served.
type fileOptions struct {
	IndexPath               []string `default:"index.html" doc:"answers for a directory: the first that is there"`
	AutoIndex               bool     `default:"true" doc:"list directories without an index; else 403"`
	AutoIndexReadme         bool     `default:"true" doc:"show the README below a listing"`
	DirectoryListTemplate   string   `opens:"read" doc:"a mustache file for listings"`
	ServePrecompressedFiles bool     `conf:"serve_precompressed_files,alias=serve_precompressed_path" default:"true" doc:"file.br, .zst and .gz beside the file"`
	Compress                bool     `default:"true" doc:"compress small files in memory"`
	ReadAhead               Size     `default:"131072" range:"0.." doc:"of Lwan's; no effect"`

	CacheFor       time.Duration `default:"5s" range:"0.." doc:"how long what was found is believed"`
	CacheErrorsFor time.Duration `default:"1s" range:"0.." doc:"and what was not"`
	CacheEntries   int           `default:"4096" range:"1.." doc:"files and directories that are remembered"`
	CacheMemory    Size          `default:"64M" range:"0.." doc:"for small files and listings"`
	SmallFile      Size          `default:"16k" range:"0.." doc:"up to this size files are served from memory"`

	Fallback         string `doc:"this file for paths without a dot that are not there"`
	OtherwiseReroute string `doc:"a path of the site that is asked for what is not there: /index.php"`

	Hidden       bool                     `doc:"serve names that begin with a dot"`
	Exclude      []string                 `doc:"patterns of what is not there"`
	Symlinks     string                   `default:"inside" oneof:"inside never" doc:"which links are followed"`
	CacheControl map[string]string        `doc:"pattern = value"`
	Expires      map[string]time.Duration `doc:"pattern = time"`
	Download     []string                 `doc:"patterns of what is offered for saving"`
	Types        map[string]string        `doc:".ext = media type"`
	Sniff        bool                     `doc:"guess unknown types"`
	MaxRanges    int                      `default:"16" range:"0..1000" doc:"that one request may ask for"`

	expires  time.Duration // of the file that it stands in
	template string        // which state of the file it is: another one is another configuration
}

func (c *fileOptions) inherit(s *settings) {
	c.expires = s.Expires
	if fi, err := os.Stat(c.DirectoryListTemplate); err == nil {
		c.template = fmt.Sprint(fi.ModTime(), fi.Size())
	}
}

// Check implements Checker.
func (c *fileOptions) Check() error {
	switch {
	case c.OtherwiseReroute == "":
		return nil
	case c.OtherwiseReroute[0] != '/':
		return fmt.Errorf("otherwise_reroute: %q does not begin with a slash", c.OtherwiseReroute)
	case c.Fallback != "":
		return errors.New("fallback and otherwise_reroute exclude each other")
	}
	return nil
}

// inheritor is a configuration that some settings of the top level count for.
type inheritor interface{ inherit(s *settings) }

var serveFilesModule = lwan.Module[serveFiles]{
	Name: "serve_files", Open: openServeFiles, HandOn: true,
}

func openServeFiles(s *lwan.Scope, c serveFiles) error {
	config, err := c.files()
	if err != nil {
		return err
	}
	config.Dir = c.Path
	return files.Module.Open(s, config)
}

// files is the configuration that handlers/files has, but for the directory.
func (c *fileOptions) files() (files.Config, error) {
	f := files.Config{
		Index: append([]string{}, c.IndexPath...), Fallback: c.Fallback,
		Reroute: c.OtherwiseReroute,
		List:    c.AutoIndex, NoReadme: !c.AutoIndexReadme, Hidden: c.Hidden, Exclude: c.Exclude,
		Cache: c.CacheControl, Expires: c.Expires, Download: c.Download, Types: c.Types,
		Sniff:         c.Sniff,
		NoCompression: !c.Compress, NoStored: !c.ServePrecompressedFiles,
		TTL: max(c.CacheFor, 1), ErrorTTL: noneIfZero(c.CacheErrorsFor),
		Entries: c.CacheEntries, MemoryBytes: noBytesIfZero(c.CacheMemory),
		SmallFile: noBytesIfZero(c.SmallFile),
		MaxRanges: c.MaxRanges,
	}
	if c.Symlinks == "never" {
		f.Symlinks = files.SymlinksNever
	}
	if c.MaxRanges == 0 {
		f.MaxRanges = -1
	}
	if c.expires > 0 && len(c.Expires) == 0 {
		f.Expires = map[string]time.Duration{"*": c.expires}
	}
	if c.DirectoryListTemplate == "" {
		return f, nil
	}
	text, err := os.ReadFile(c.DirectoryListTemplate)
	if err != nil {
		return f, err
	}
	f.Page, err = template.Compile[files.Listing](c.DirectoryListTemplate, string(text),
		template.Set{})
	return f, err
}

// noBytesIfZero is a size for a field of which zero is the default and negative none.
func noBytesIfZero(s Size) int64 {
	if s == 0 {
		return -1
	}
	return int64(s)
}

// redirect is Lwan's module: all of its prefix goes to one place, but for what its options say.
type redirect struct {
	To         string `conf:"to,required" doc:"a path, or an http or https URL"`
	Code       int    `default:"301" oneof:"301 302 303 307 308" doc:"of the answer"`
	AppendPath bool   `doc:"append what is left of the path"`
	KeepQuery  bool   `doc:"append the request's query"`
}

var redirectModule = lwan.Module[redirect]{Name: "redirect",
	Open: func(s *lwan.Scope, c redirect) error {
		return handlers.Redirect.Open(s, handlers.RedirectConfig{
			To: c.To, Code: lwan.Status(c.Code), Fixed: !c.AppendPath, DropQuery: !c.KeepQuery,
		})
	}}

// response is an answer that is always the same.
type response struct {
	Code    int               `conf:"code,required" range:"200..599" doc:"the status"`
	Body    string            `doc:"none: from 400 on the page of the status"`
	Type    string            `doc:"media type of the body; none: text/plain; charset=utf-8"`
	Headers map[string]string `doc:"name = value"`
}

var responseModule = lwan.Module[response]{Name: "response",
	Open: func(s *lwan.Scope, c response) error {
		mw, err := handlers.ResponseHeaders(handlers.ResponseHeadersConfig{Set: c.Headers})
		if err != nil {
			return err
		}
		s.Use(mw)
		return handlers.Respond.Open(s, handlers.RespondConfig{
			Status: lwan.Status(c.Code), Body: c.Body, ContentType: c.Type,
		})
	}}

// metrics shows what goes on, to some.
type metrics struct {
	Allow []netip.Prefix `default:"127.0.0.0/8 ::1/128" doc:"who may look"`
}

var metricsModule = lwan.Module[metrics]{Name: "metrics",
	Open: func(s *lwan.Scope, c metrics) error {
		s.Handle("GET ", handlers.Metrics, handlers.Access(handlers.AccessConfig{
			Allow: c.Allow, DenyOthers: true,
		}))
		return nil
	}}
