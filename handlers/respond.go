package handlers

import (
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// RespondConfig is an answer.
type RespondConfig struct {
	// 200 to 599; 0: 200. One of 400 and above without a Body gets the error page
	Status      lwan.Status
	ContentType string // "": text/plain in UTF-8, if there is a Body
	Body        string
}

// Respond answers its prefix, with and without a slash behind it, and everything below in the same
// way.
//
//	srv.Mount("/health", handlers.Respond.With(handlers.RespondConfig{Body: "ok\n"}))
var Respond = lwan.Module[RespondConfig]{Name: "respond", Open: openRespond}

func openRespond(s *lwan.Scope, c RespondConfig) error {
	if c.Status == 0 {
		c.Status = lwan.StatusOK
	}
	if c.ContentType == "" && c.Body != "" {
		c.ContentType = "text/plain; charset=utf-8"
	}
	if err := c.check(); err != nil {
		return err
	}
	answer := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType(c.ContentType)
		resp.SetBody(c.Body)
		return c.Status
	}
	s.Handle("", answer)
	s.Handle("/", answer)
	return nil
}

func (c *RespondConfig) check() error {
	if c.Status < 200 || c.Status > 599 {
		return fmt.Errorf("RespondConfig.Status: %d cannot be the status of an answer", c.Status)
	}
	if c.Body == "" && c.ContentType == "" {
		return nil
	}
	switch c.Status {
	case lwan.StatusNoContent, lwan.StatusResetContent, lwan.StatusNotModified:
		// RFC 9110 sections 6.4.1 and 15.3.6
		return errors.New("RespondConfig.Body: there is none in an answer of that status")
	}
	media, _, err := mime.ParseMediaType(c.ContentType)
	if err == nil && !strings.Contains(media, "/") {
		err = errors.New("is no type/subtype")
	}
	if err != nil {
		return fmt.Errorf("RespondConfig.ContentType: %q: %w", c.ContentType, err)
	}
	return nil
}
