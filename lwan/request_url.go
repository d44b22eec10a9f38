package lwan

import (
	"net/url"
	"strings"
)

// URL is what is asked for as a URL with scheme and host, made anew by each call: Scheme, Host, and
// the path and the query of RoutedTarget, which Reroute changes. Scheme and host are what the
// client, or a trusted proxy, claims: compare the host before a link to it is sent to somebody
// else. RequestURI of the result is without them. The path of "OPTIONS *" is "*".
func (r *Request) URL() *url.URL {
	r.mustLive()
	path, query, _ := strings.Cut(r.RoutedTarget(), "?")
	u := &url.URL{Scheme: r.Scheme(), Host: r.Host(), RawQuery: query}
	if u.Host == "" {
		u.Scheme = "" // "http:///path" is no URL
	}
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path // RawPath counts only where it is needed
	} else {
		u.Path = path
	}
	return u
}

// RawQuery is the query of what is asked for as it was sent, without the "?"; "" if there is none.
func (r *Request) RawQuery() string {
	r.mustLive()
	_, query, _ := strings.Cut(r.RoutedTarget(), "?")
	return query
}

// QueryWith is a link to the page that was asked for with some of its query changed, as "?q=x&page=2":
// a reference that a browser resolves against the page's own address, whatever a proxy in front has
// made of the path. nameValue is names and values in turn: a name with an empty value, or without
// one, is dropped from the query; one that is there gets the value where it stands first, and a new
// one comes last. What else the client has sent is kept as it came, but for malformed pairs.
//
//	next := req.QueryWith("page", strconv.Itoa(page+1))
func (r *Request) QueryWith(nameValue ...string) string {
	r.mustLive()
	var b strings.Builder
	b.WriteByte('?')
	used := make([]bool, (len(nameValue)+1)/2)
	for part := range strings.SplitSeq(r.RawQuery(), "&") {
		plain, err := url.QueryUnescape(part)
		if part == "" || err != nil || strings.Contains(part, ";") {
			continue
		}
		if raw, _, _ := strings.Cut(part, "="); len(raw) < len(part) {
			plain, _ = url.QueryUnescape(raw) // a part of what is good
		}
		i := indexOfName(nameValue, plain)
		switch {
		case i < 0:
			addPart(&b, part)
		case !used[i/2]:
			used[i/2] = true
			addChange(&b, nameValue[i:])
		}
	}
	for i := 0; i < len(nameValue); i += 2 {
		if !used[i/2] {
			addChange(&b, nameValue[i:])
		}
	}
	return b.String()
}

// indexOfName is where name stands in names and values in turn; -1: nowhere.
func indexOfName(nameValue []string, name string) int {
	for i := 0; i < len(nameValue); i += 2 {
		if nameValue[i] == name {
			return i
		}
	}
	return -1
}

// addChange adds the name and value at the beginning of nameValue, if there is a value.
func addChange(b *strings.Builder, nameValue []string) {
	if len(nameValue) > 1 && nameValue[1] != "" {
		addPart(b, url.QueryEscape(nameValue[0])+"="+url.QueryEscape(nameValue[1]))
	}
}

func addPart(b *strings.Builder, part string) {
	if b.Len() > 1 {
		b.WriteByte('&')
	}
	b.WriteString(part)
}
