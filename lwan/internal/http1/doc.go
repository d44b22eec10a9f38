// Package http1 reads and writes the parts of HTTP/1.1 messages that are not content: request heads, the framing of the
// chunked coding, response heads. It is pure: bytes in, bytes out, no connection, no goroutine, no clock but the one that
// ParseDate asks for a century.
package http1
