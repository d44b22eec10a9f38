package handlers

import (
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

const maxLogValue = 2 << 10

// A LogLine appends the line of a request that is over to b, with its line break. It is called as
// an observer is: by many at the same time, and must not block.
type LogLine func(b []byte, req *lwan.Request, resp *lwan.Response, took time.Duration) []byte

// CombinedLine is the line of AccessLog.
func CombinedLine(b []byte, req *lwan.Request, resp *lwan.Response, took time.Duration) []byte {
	b = appendLogClient(b, req)
	b = append(b, " - "...) // identd is not asked
	b = appendLogUser(b, req)
	b = append(b, " ["...)
	b = appendLogTime(b, req, resp, took)
	b = append(b, `] "`...)
	b = appendLogRequest(b, req, resp, took)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(resp.Status()), 10)
	b = append(b, ' ')
	b = appendLogBytes(b, req, resp, took)
	b = appendLogField(append(b, ' '), req.HeaderBytes("Referer"))
	b = appendLogField(append(b, ' '), req.HeaderBytes("User-Agent"))
	b = strconv.AppendFloat(append(b, ' '), took.Seconds(), 'f', 6, 64)
	return append(b, '\n')
}

// appendLogUser appends the name of UserKey, in which a blank is escaped, too; "-" without.
func appendLogUser(b []byte, req *lwan.Request) []byte {
	user, ok := UserKey.Get(req)
	if !ok || user == "" {
		return append(b, '-')
	}
	for part := range strings.SplitSeq(user[:min(len(user), maxLogValue)], " ") {
		b = append(appendLogValue(b, part), `\x20`...)
	}
	return b[:len(b)-len(`\x20`)]
}

// appendLogTime appends the time of the request's head.
func appendLogTime(b []byte, _ *lwan.Request, _ *lwan.Response, took time.Duration) []byte {
	return time.Now().Add(-took).AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
}

// appendLogRequest appends method, target and version; "-" of what could not be parsed.
func appendLogRequest(b []byte, req *lwan.Request, _ *lwan.Response, _ time.Duration) []byte {
	method := req.Method()
	if method == "" {
		return append(b, '-')
	}
	b = append(appendLogValue(b, method), ' ')
	b = append(appendLogValue(b, req.Target()), ' ')
	return append(b, req.Proto()...)
}

// appendLogBytes appends how many bytes of the body were sent.
func appendLogBytes(b []byte, _ *lwan.Request, resp *lwan.Response, _ time.Duration) []byte {
	if n := resp.BytesSent(); n > 0 {
		return strconv.AppendInt(b, n, 10)
	}
	return append(b, '-')
}

// appendLogClient appends the address, "-" on a unix socket.
func appendLogClient(b []byte, req *lwan.Request) []byte {
	client := req.RemoteAddr()
	if !client.IsValid() {
		return append(b, '-')
	}
	return client.Addr().AppendTo(b)
}

// appendLogField appends a header field in quotes.
func appendLogField(b, value []byte) []byte {
	b = append(b, '"')
	if len(value) == 0 {
		b = append(b, '-')
	}
	return append(appendLogValue(b, value), '"')
}

// appendLogValue appends text that a client has chosen, so that it can end neither its field nor
// its line.
func appendLogValue[T string | []byte](b []byte, value T) []byte {
	const hex = "0123456789ABCDEF"
	for i := range min(len(value), maxLogValue) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	if len(value) > maxLogValue {
		b = append(b, "..."...)
	}
	return b
}
