package handlers

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// ResponseHeadersConfig says what becomes of the fields of answers. They are changed in the order
// of the fields here, when the head goes out.
type ResponseHeadersConfig struct {
	Remove  []string
	Set     map[string]string // in place of others of the name
	Add     map[string]string // beside them
	Default map[string]string // if there is none

	GoodOnly bool // not in answers of 400 and above
}

// ResponseHeaders changes the fields of answers, of error pages too. It refuses names and values
// that no field can have, and fields that say how the message is framed (RFC 9110 section 7.6.1),
// which are the server's.
func ResponseHeaders(c ResponseHeadersConfig) (lwan.Middleware, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	set, add, preset := sortedFields(c.Set), sortedFields(c.Add), sortedFields(c.Default)
	change := func(resp *lwan.Response) {
		for _, name := range c.Remove {
			resp.DelHeader(name)
		}
		for _, f := range set {
			resp.SetHeader(f.name, f.value)
		}
		for _, f := range add {
			resp.AddHeader(f.name, f.value)
		}
		for _, f := range preset {
			if len(resp.HeaderAll(f.name)) == 0 {
				resp.SetHeader(f.name, f.value)
			}
		}
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.BeforeHead(func(st lwan.Status) {
				if st < 400 || !c.GoodOnly {
					change(resp)
				}
			})
			return next(req, resp)
		}
	}, nil
}

// responseField is a field to send.
type responseField struct{ name, value string }

// sortedFields is the fields of a map in an order that is the same each time.
func sortedFields(m map[string]string) (list []responseField) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		list = append(list, responseField{name, m[name]})
	}
	return list
}

func (c *ResponseHeadersConfig) check() error {
	var errs []error
	for _, name := range c.Remove {
		errs = append(errs, checkFieldName(name))
	}
	for _, m := range []map[string]string{c.Set, c.Add, c.Default} {
		for _, f := range sortedFields(m) {
			errs = append(errs, checkFieldName(f.name))
			if strings.ContainsAny(f.value, "\r\n\x00") {
				errs = append(errs, fmt.Errorf("the value of %s has a line break or a NUL", f.name))
			}
		}
	}
	return errors.Join(errs...)
}

var framingFields = []string{
	"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// checkFieldName refuses what is no name, and fields of framing.
func checkFieldName(name string) error {
	if !isToken(name) {
		return fmt.Errorf("%q is no name of a field", name)
	}
	if slices.Contains(framingFields, http.CanonicalHeaderKey(name)) {
		return fmt.Errorf("%s is for the server to set", name)
	}
	return nil
}

// isToken reports whether a name can be a field's (RFC 9110 section 5.6.2).
func isToken(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return name != ""
}
