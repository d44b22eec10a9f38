package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// repeatable is a valid value for each field that the parser reads; others get "a".
var repeatable = map[message.Known]string{
	message.Host: "h", message.ContentLength: "1", message.TransferEncoding: "chunked",
	message.Expect: "100-continue",
}

// repeatedHead has the field on two lines, with another field between them.
func repeatedHead(k message.Known) (in string, second int) {
	value := repeatable[k]
	if value == "" {
		value = "a"
	}
	line := k.String() + ": " + value + "\r\n"
	before := get + "Host: h\r\n"
	if k == message.Host {
		before = get
	}
	before += line + "Other: x\r\n"
	return before + strings.Replace(line, "a\r\n", "b\r\n", 1) + "\r\n", len(before)
}

// Each known field has its place in the table, and means what that says when it stands on two
// lines.
func TestRepeatedFields(t *testing.T) {
	for k := message.Host; k.String() != ""; k++ {
		in, second := repeatedHead(k)
		h, verdict, err := readHead(in, nil)
		value, found := "", false
		if verdict == Done {
			v, ok := h.Value([]byte(in), strings.ToUpper(k.String()))
			value, found = string(v), ok
		}
		got := fmt.Sprintf("%d %d %q %v", verdict, err.Status, value, found)
		var want string
		switch k.WhenRepeated() {
		case message.Refused:
			want = fmt.Sprintf("%d 400 \"\" false", Bad)
			if err.Reason == message.ReasonRepeated && err.Offset != second {
				t.Errorf("%v: refused at %d, want %d", k, err.Offset, second)
			}
		case message.Ignored:
			want = fmt.Sprintf("%d 0 \"\" false", Done)
			if _, ok := h.FindKnown(k); ok {
				t.Errorf("%v: FindKnown finds it", k)
			}
		case message.First:
			want = fmt.Sprintf("%d 0 %q true", Done, "a")
		case message.Joined:
			separator := ", "
			if k == message.Cookie {
				separator = "; "
			}
			want = fmt.Sprintf("%d 0 %q true",
				Done, repeatedValue(k, "a")+separator+repeatedValue(k, "b"))
		default:
			t.Errorf("%v has no place in the table", k)
		}
		if got != want {
			t.Errorf("%v twice: %s, want %s", k, got, want)
		}
		pieces := arrive(t, in, nil, each(in))
		if !pieces.equal(arrive(t, in, nil, []int{len(in)})) {
			t.Errorf("%v twice: not the same byte by byte: %+v", k, pieces)
		}
	}
}

func repeatedValue(k message.Known, otherwise string) string {
	if v := repeatable[k]; v != "" {
		return v
	}
	return otherwise
}

// The refusal names the first line that is too much, however many there are, and of which fields.
func TestFirstRepeatedLine(t *testing.T) {
	for in, at := range map[string]string{
		"Authorization: a\r\nAUTHORIZATION: b\r\n": "AUTHORIZATION",
		"Accept: a\r\nOrigin: a\r\nAccept: b\r\n" +
			"Content-Type: c\r\norigin: a\r\n": "origin",
		"Content-Type: a\r\nOrigin: b\r\nOrigin: c\r\n" +
			"content-type: d\r\nOrigin: e\r\n": "Origin: c",
	} {
		in := get + "Host: h\r\n" + in + "\r\n"
		_, verdict, err := readHead(in, nil)
		want := (fault(400, strings.Index(in, at), message.ReasonRepeated))
		if verdict != Bad || err != want {
			t.Errorf("%q: %d, %+v, want %+v", in, verdict, err, want)
		}
	}
	// what is not known, and what is there once, is nobody's business
	for _, in := range []string{
		"X-A: a\r\nx-a: b\r\n", "Authorization: a, b\r\n",
		"Authorizations: a\r\nAuthorizations: b\r\n",
	} {
		if _, verdict, err := readHead(get+"Host: h\r\n"+in+"\r\n", nil); verdict != Done {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// A field that stands on one line is found as before, without a copy.
func TestValueOfOneLine(t *testing.T) {
	in := []byte(get + "Host: h\r\nAccept: text/html\r\nX-Own: 1\r\nX-Own: 2\r\nRange:\r\n\r\n")
	h, _, _ := readHead(string(in), nil)
	for name, want := range map[string]string{
		"accept": "text/html", "X-OWN": "1", "Range": "", "Origin": "none", "X-Other": "none",
	} {
		v, ok := h.Value(in, name)
		if got := string(v); ok != (want != "none") || ok && got != want || ok && v == nil {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	n := testing.AllocsPerRun(100, func() { h.Value(in, "Accept"); h.Value(in, "X-Own") })
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
