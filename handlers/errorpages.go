package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// ErrorPages answers errors that have no body with pages of the site: those of 400 and above, by
// their status ("404"), their class ("4xx", "5xx"), or all that are left ("default"). A page is a
// path of the same table, which is asked as lwan.Request.RerouteError says: the answer keeps its
// status, and if the page cannot be had the built-in one is sent. It refuses a map without pages,
// and one with other keys or with what is no path.
func ErrorPages(pages map[string]string) (lwan.Middleware, error) {
	if len(pages) == 0 {
		return nil, errors.New("there are no pages: write 404 = /errors/404.html")
	}
	var errs []error
	for key, page := range pages {
		st, err := strconv.Atoi(key)
		switch {
		case !slices.Contains([]string{"4xx", "5xx", "default"}, key) &&
			(err != nil || st < 400 || st > 599 || st == int(lwan.StatusClientGone)):
			errs = append(errs, fmt.Errorf("%q is no error: write 404, 4xx, 5xx or default", key))
		case !strings.HasPrefix(page, "/"):
			errs = append(errs, fmt.Errorf("%q is no path of the site, for %s", page, key))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			st := next(req, resp)
			if st < 400 || resp.HeadSent() || len(resp.BodyBytes()) > 0 {
				return st
			}
			for _, key := range []string{
				strconv.Itoa(int(st)), strconv.Itoa(int(st)/100) + "xx", "default",
			} {
				if page, ok := pages[key]; ok {
					return req.RerouteError(resp, st, page)
				}
			}
			return st
		}
	}, nil
}
