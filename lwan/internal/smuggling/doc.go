// Package smuggling has the tests of request smuggling: bytes that a proxy takes for one request
// and the server behind it for two. The probes are sent to the server itself, to net/http's, and
// through the reverse proxies that are installed.
package smuggling
