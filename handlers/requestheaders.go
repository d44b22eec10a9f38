package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// RequestHeadersConfig says what becomes of the fields of requests: first Remove, then Set.
type RequestHeadersConfig struct {
	Remove []string
	Set    map[string]string // in place of others of the name
}

// RequestHeaders changes the fields that what is inside of it sees, gateways included. It refuses
// names and values that no field can have, Host, and fields that say how the message is framed
// (RFC 9110 section 7.6.1), which are the server's.
func RequestHeaders(c RequestHeadersConfig) (lwan.Middleware, error) {
	set := sortedFields(c.Set)
	if err := c.check(); err != nil {
		return nil, err
	}
	change := func(req *lwan.Request) error {
		var errs []error
		for _, name := range c.Remove {
			errs = append(errs, req.DelHeader(name))
		}
		for _, f := range set {
			errs = append(errs, req.SetHeader(f.name, f.value))
		}
		return errors.Join(errs...)
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := change(req); err != nil {
				return resp.Fail(err)
			}
			return next(req, resp)
		}
	}, nil
}

func (c *RequestHeadersConfig) check() error {
	var errs []error
	names := append([]string{}, c.Remove...)
	for _, f := range sortedFields(c.Set) {
		names = append(names, f.name)
		if strings.ContainsAny(f.value, "\r\n\x00") {
			errs = append(errs, fmt.Errorf("the value of %s has a line break or a NUL", f.name))
		}
	}
	for _, name := range names {
		errs = append(errs, checkFieldName(name))
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Expect", "Http2-Settings":
			errs = append(errs, fmt.Errorf("%s is for the server to read", name))
		}
	}
	return errors.Join(errs...)
}
