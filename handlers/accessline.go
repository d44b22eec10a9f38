package handlers

import (
	"strconv"
	"time"

	"github.com/golwan/golwan/lwan"
)

const maxLogValue = 2 << 10

// appendLogLine appends the line of a request that is over.
func appendLogLine(b []byte, req *lwan.Request, resp *lwan.Response, took time.Duration) []byte {
	b = appendLogClient(b, req)
	b = append(b, " - - ["...) // neither identd nor a user of HTTP authentication is known
	b = time.Now().Add(-took).AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	if method := req.Method(); method == "" {
		b = append(b, '-')
	} else {
		b = appendLogValue(b, method)
		b = append(b, ' ')
		b = appendLogValue(b, req.Target())
		b = append(b, ' ')
		b = append(b, req.Proto()...)
	}
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(resp.Status()), 10)
	b = append(b, ' ')
	if n := resp.BytesSent(); n > 0 {
		b = strconv.AppendInt(b, n, 10)
	} else {
		b = append(b, '-')
	}
	b = appendLogField(append(b, ' '), req.HeaderBytes("Referer"))
	b = appendLogField(append(b, ' '), req.HeaderBytes("User-Agent"))
	b = strconv.AppendFloat(append(b, ' '), took.Seconds(), 'f', 6, 64)
	return append(b, '\n')
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
