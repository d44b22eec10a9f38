package http1

import "strconv"

// reasonPhrases are those of IANA's registry of status codes, under the names of RFC 9110 section 15.
var reasonPhrases = map[int]string{
	100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints", 104: "Upload Resumption Supported",
	200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information", 204: "No Content",
	205: "Reset Content", 206: "Partial Content", 207: "Multi-Status", 208: "Already Reported", 226: "IM Used",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
	305: "Use Proxy", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Precondition Failed", 413: "Content Too Large",
	414: "URI Too Long", 415: "Unsupported Media Type", 416: "Range Not Satisfiable", 417: "Expectation Failed",
	418: "I'm a teapot", 421: "Misdirected Request", 422: "Unprocessable Content", 423: "Locked", 424: "Failed Dependency",
	425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required", 429: "Too Many Requests",
	431: "Request Header Fields Too Large", 451: "Unavailable For Legal Reasons",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Gateway Timeout", 505: "HTTP Version Not Supported", 506: "Variant Also Negotiates", 507: "Insufficient Storage",
	508: "Loop Detected", 511: "Network Authentication Required",
}

const (
	firstStatus = 100
	lastStatus  = 599
)

// statusLines holds the whole line of every code that a server is likely to send, so that writing one is a copy.
var statusLines = func() (lines [lastStatus + 1 - firstStatus]string) {
	for i := range lines {
		lines[i] = string(appendStatusLine(nil, firstStatus+i))
	}
	return lines
}()

// AppendStatusLine appends the status line of an answer (RFC 9112 section 4), always HTTP/1.1: the version is the
// server's, not the request's (RFC 9110 section 6.2). The phrase of a code that is not registered is empty. A code that is
// not of three digits would break the message; 500 is written for it.
func AppendStatusLine(dst []byte, code int) []byte {
	if code >= firstStatus && code <= lastStatus {
		return append(dst, statusLines[code-firstStatus]...)
	}
	if code < firstStatus || code > 999 {
		code = 500
	}
	return appendStatusLine(dst, code)
}

func appendStatusLine(dst []byte, code int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, ' ')
	dst = append(dst, reasonPhrases[code]...)
	return append(dst, "\r\n"...)
}
