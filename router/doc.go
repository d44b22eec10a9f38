// Package router finds the value that belongs to a request: its patterns and their precedence are
// those of net/http.ServeMux, its table is a trie, and a lookup allocates nothing.
//
//	var t router.Table[http.Handler]
//	t.Add("GET /users/{id}", show, "main.go:12")
//	t.Add("/static/", files, "main.go:13")
//	if err := t.Build(); err != nil { ... }      // all mistakes at once, each with its file:line
//
//	h, res := t.Find("GET", "example.com", "/users/7", &params)
//	params.Get("id")                             // "7"
//
// The package knows nothing of handlers, requests or connections.
//
// # Patterns
//
// A pattern is "[METHOD ][HOST]/[PATH]". Without a method it matches all of them, and GET matches
// HEAD too; without a host it matches all of them. A segment of the path is a literal, or {name},
// which matches one segment. At the end, {name...} or a slash match all that follows, and {$}
// matches the end, so that "/{$}" is the path "/" alone. Literals are percent-decoded, and match
// case-sensitively.
//
// Of the patterns that match a request, the most specific wins: the one that matches fewer
// requests. A host is more specific than none. Two patterns that both match some request, and of
// which neither is more specific, conflict, and Build says so. A path that is matched by nothing,
// or only by the tail of a wider pattern, and that would be matched exactly with a slash appended,
// is answered with a Redirect.
//
// # What a server does
//
// It decodes the path once, with EncodedSlash for every %2F, refuses a NUL, cleans the result with
// Clean, and asks Find. Then it
//
//   - Found: runs the value.
//   - Redirect: answers 307 with Result.Location, and the query of the request behind it.
//   - NotFound: answers 404.
//   - MethodNotAllowed: answers 405 with Result.Allow, or an OPTIONS request by itself with the
//     same list.
//
// When Clean has changed the path, every result but Redirect becomes a 307 to Escape(clean path)
// and the query, as in ServeMux, but for the slash before dots at the end, which stays. CONNECT is
// exempt: its host, with the port, and its path are used as they were sent. The targets that have
// no path never come here: "*" (RFC 9112, section 3.2.4) and the authority of CONNECT (section
// 3.2.3); Find finds nothing for them.
//
// # Lifetimes
//
// Params refers to the path of the last Find, and its values are parts of it; see there. Strings in
// a Result belong to the table or are new: they may be kept.
//
// # Concurrency
//
// Add and Build want one goroutine. After a Build that succeeded, the table does not change, and
// any number of goroutines may look up, each with Params of its own. Start them after Build has
// returned, with a go statement for example.
//
// # Cost
//
// The time of a lookup is linear in the length of the path, and nothing in a request can change the
// factor, which the patterns alone decide: tree.go says how. There is nothing to flood: the trie is
// laid out by the patterns, hosts are found in a map with a secret seed. Neither the patterns nor
// the paths have bounds here: how long a target may be is the server's to say. A host that is too
// long for a name, over 261 bytes with its port, is none.
//
// # Caveats
//
//   - A value of a wildcard can hold "/" and "..", if they were sent as %2F: it is no file name.
//     Params.RawRest tells the two slashes apart.
//   - A host with a port matches CONNECT only; all other requests are compared without their port.
//   - "GET /" and "/static/" conflict: one is for fewer methods, the other for fewer paths. Either
//     give both a method, or neither.
//   - Where ServeMux and the RFCs disagree, the RFCs win: hosts are compared without regard to
//     case, an encoded slash is never mistaken for a slash, and redirects are escaped once.
//     differences_test.go lists all of it.
//
// # Not here
//
// Regular expressions, wildcards within a segment or a host, changing a table in use, and making
// paths from patterns.
package router
