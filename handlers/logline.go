package handlers

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
)

// JSONLine is a line of JSON:
//
//	{"time":"2025-11-21T03:06:00.123Z","remote":"192.0.2.7","user":"","id":"","method":"GET",
//	"scheme":"http","host":"example.com","target":"/a?b","proto":"HTTP/1.1","status":200,
//	"bytes":512,"took":0.000214,"referer":"","agent":"curl/8"}
//
// id is that of RequestID, user that of UserKey. A request that could not be parsed has no method
// and no target. Bytes beyond ASCII are \u00HH; a value longer than 2 KiB is cut off.
func JSONLine(b []byte, req *lwan.Request, resp *lwan.Response, took time.Duration) []byte {
	b = append(b, `{"time":"`...)
	b = time.Now().Add(-took).UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","remote":"`...)
	if a := req.RemoteAddr().Addr(); a.IsValid() {
		b = a.AppendTo(b)
	}
	b = append(b, '"')
	user, _ := UserKey.Get(req)
	id, _ := RequestIDKey.Get(req)
	b = appendJSONField(b, "user", user)
	b = appendJSONField(b, "id", id)
	method, target := req.Method(), ""
	if method != "" {
		target = req.Target()
	}
	b = appendJSONField(b, "method", method)
	b = appendJSONField(b, "scheme", req.Scheme())
	b = appendJSONField(b, "host", req.Host())
	b = appendJSONField(b, "target", target)
	b = appendJSONField(b, "proto", req.Proto())
	b = strconv.AppendInt(append(b, `,"status":`...), int64(resp.Status()), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), resp.BytesSent(), 10)
	b = strconv.AppendFloat(append(b, `,"took":`...), took.Seconds(), 'f', 6, 64)
	b = appendJSONField(b, "referer", req.HeaderBytes("Referer"))
	b = appendJSONField(b, "agent", req.HeaderBytes("User-Agent"))
	return append(b, "}\n"...)
}

// appendJSONField appends a field whose value a client may have chosen.
func appendJSONField[T string | []byte](b []byte, name string, value T) []byte {
	const hex = "0123456789abcdef"
	b = append(append(append(b, `,"`...), name...), `":"`...)
	for i := range min(len(value), maxLogValue) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// logFields are what a line of one's own can have.
var logFields = map[string]LogLine{
	"remote_addr": func(b []byte, req *lwan.Request, _ *lwan.Response, _ time.Duration) []byte {
		return appendLogClient(b, req)
	},
	"user": func(b []byte, req *lwan.Request, _ *lwan.Response, _ time.Duration) []byte {
		return appendLogUser(b, req)
	},
	"time":    appendLogTime,
	"request": appendLogRequest,
	"bytes":   appendLogBytes,
	"status": func(b []byte, _ *lwan.Request, resp *lwan.Response, _ time.Duration) []byte {
		return strconv.AppendInt(b, int64(resp.Status()), 10)
	},
	"took": func(b []byte, _ *lwan.Request, _ *lwan.Response, took time.Duration) []byte {
		return strconv.AppendFloat(b, took.Seconds(), 'f', 6, 64)
	},
	"method": textField((*lwan.Request).Method),
	"path":   textField((*lwan.Request).Path),
	"host":   textField((*lwan.Request).Host),
	"scheme": textField((*lwan.Request).Scheme),
	"proto":  textField((*lwan.Request).Proto),
	"target": textField(func(req *lwan.Request) string {
		if req.Method() == "" {
			return ""
		}
		return req.Target()
	}),
	"request_id": textField(func(req *lwan.Request) string {
		id, _ := RequestIDKey.Get(req)
		return id
	}),
}

// textField appends a text, "-" for none.
func textField(of func(req *lwan.Request) string) LogLine {
	return func(b []byte, req *lwan.Request, _ *lwan.Response, _ time.Duration) []byte {
		text := of(req)
		if text == "" {
			return append(b, '-')
		}
		return appendLogValue(b, text)
	}
}

// ParseLogLine makes a line of a text with fields in it, as of
//
//	%{remote_addr} %{user} %{time} "%{request}" %{status} %{bytes} %{took} "%{header User-Agent}"
//
// There are remote_addr, user, time, request, method, target, path, host, scheme, proto, status,
// bytes, took, request_id, header NAME of the request and response NAME of the answer. "%%" is a
// "%". Values are escaped as in AccessLog, and "-" if there is none.
func ParseLogLine(text string) (LogLine, error) {
	var parts []LogLine
	for text != "" {
		literal, rest, found := strings.Cut(text, "%")
		if literal != "" {
			parts = append(parts, literalField(literal))
		}
		if !found {
			break
		}
		if after, ok := strings.CutPrefix(rest, "%"); ok {
			parts, text = append(parts, literalField("%")), after
			continue
		}
		inner, after, ok := strings.Cut(strings.TrimPrefix(rest, "{"), "}")
		if !strings.HasPrefix(rest, "{") || !ok {
			return nil, fmt.Errorf("a %% begins a field, as %%{status}; one of itself is %%%%")
		}
		field, err := parseLogField(inner)
		if err != nil {
			return nil, err
		}
		parts, text = append(parts, field), after
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("the line is empty")
	}
	return func(b []byte, req *lwan.Request, resp *lwan.Response, took time.Duration) []byte {
		for _, part := range parts {
			b = part(b, req, resp, took)
		}
		return append(b, '\n')
	}, nil
}

func literalField(text string) LogLine {
	text = strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
	return func(b []byte, _ *lwan.Request, _ *lwan.Response, _ time.Duration) []byte {
		return append(b, text...)
	}
}

func parseLogField(inner string) (LogLine, error) {
	if field, ok := logFields[inner]; ok {
		return field, nil
	}
	kind, name, _ := strings.Cut(inner, " ")
	if kind != "header" && kind != "response" {
		known := slices.Sorted(maps.Keys(logFields))
		return nil, fmt.Errorf("there is no field %q; there are %s, header NAME, response NAME",
			inner, strings.Join(known, ", "))
	}
	if !isToken(name) {
		return nil, fmt.Errorf("%q is no name of a field", name)
	}
	name = http.CanonicalHeaderKey(name)
	if kind == "header" {
		return textField(func(req *lwan.Request) string { return req.Header(name) }), nil
	}
	return func(b []byte, _ *lwan.Request, resp *lwan.Response, _ time.Duration) []byte {
		if value := resp.Header(name); value != "" {
			return appendLogValue(b, value)
		}
		return append(b, '-')
	}, nil
}
