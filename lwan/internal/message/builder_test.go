package message

import (
	"slices"
	"strings"
	"testing"
)

// built is what a Builder makes of a request line and of lines "name: value".
func built(lim *Limits, line string, fields ...string) (*Head, []byte, Error) {
	var b Builder
	h := new(Head)
	b.Begin(h, nil, lim)
	method, target, _ := strings.Cut(line, " ")
	if err := b.Line(method, target, 1); err.Status != 0 {
		return h, nil, err
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ":")
		if err := b.Add(name, value); err.Status != 0 {
			return h, nil, err
		}
	}
	buf, err := b.End()
	return h, buf, err
}

func TestBuilderRefuses(t *testing.T) {
	for _, c := range []struct {
		line   string
		fields []string
		want   Error
	}{
		{"GET /", []string{"Host: h"}, Error{}},
		{"GET /", nil, Error{400, 4, ReasonNoHost}},
		{" /", nil, Error{400, 0, ReasonMethod}},
		{"G\x00T /", nil, Error{400, 0, ReasonMethod}},
		{"GET ", nil, Error{400, 3, ReasonTargetByte}},
		{"GET /a b", nil, Error{400, 5, ReasonTargetByte}},
		{"GET /%g", nil, Error{400, 4, ReasonEscape}},
		{"GET a", nil, Error{400, 3, ReasonTarget}},
		{"CONNECT a", nil, Error{400, 7, ReasonForm}},
		{"GET /", []string{": a"}, Error{400, 4, ReasonName}},
		{"GET /", []string{"a b: c"}, Error{400, 4, ReasonName}},
		{"GET /", []string{"Host: h\r"}, Error{400, 10, ReasonValueByte}},
		{"GET /", []string{"Host: h", "Host: h"}, Error{400, 15, ReasonManyHosts}},
		{"GET /", []string{"Host: h", "Content-Length: x"}, Error{400, 25, ReasonLength}},
		{"GET /", []string{"Host: h", "Origin: a", "Origin: b"}, Error{400, 18, ReasonRepeated}},
	} {
		if _, _, err := built(nil, c.line, c.fields...); err != c.want {
			t.Errorf("%q, %q: %v, want %v", c.line, c.fields, err, c.want)
		}
	}
}

func TestBuilderLimits(t *testing.T) {
	const line, lineSize = "GET /a", len("GET /a HTTP/1.1")
	fields := []string{"Host:h", "a:bc"}
	fieldSize := len("Host: h\r\na: bc\r\n")
	for _, c := range []struct {
		lim    Limits
		status int
	}{
		{Limits{}, 0},
		{Limits{Line: lineSize, Fields: fieldSize, Count: 2}, 0},
		{Limits{Line: lineSize - 1}, 414},
		{Limits{Fields: fieldSize - 1}, 431},
		{Limits{Count: 1}, 431},
	} {
		if _, _, err := built(&c.lim, line, fields...); err.Status != c.status {
			t.Errorf("%+v: %v, want %d", c.lim, err, c.status)
		}
	}
}

// A field that cannot be one leaves no trace.
func TestBuilderLeavesOut(t *testing.T) {
	var b Builder
	h := &Head{Fields: make([]Field, 0, 4)}
	b.Begin(h, make([]byte, 0, 64), nil)
	var statuses []int
	statuses = append(statuses, b.Line("GET", "/", 1).Status)
	for _, f := range [][2]string{
		{"Host", " h\t"}, {"a b", "c"}, {"Host", "x\n"}, {"Accept", "text/html"}, {"", ""},
	} {
		statuses = append(statuses, b.Add(f[0], f[1]).Status)
	}
	buf, err := b.End()
	if want := []int{0, 0, 400, 400, 0, 400}; !slices.Equal(statuses, want) || err.Status != 0 {
		t.Fatalf("statuses %v, %v, want %v", statuses, err, want)
	}
	accept, _ := h.Value(buf, "accept")
	if len(h.Fields) != 2 || string(h.Authority.Of(buf)) != "h" || string(accept) != "text/html" {
		t.Errorf("%d fields in %q", len(h.Fields), buf)
	}
}
