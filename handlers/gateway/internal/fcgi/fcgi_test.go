package fcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	gofcgi "net/http/fcgi"
	"strings"
	"testing"
	"testing/iotest"
)

// record is one as an application sends it.
func record(t Type, id int, content string, pad int) string {
	return string([]byte{1, byte(t), byte(id >> 8), byte(id), byte(len(content) >> 8),
		byte(len(content)), byte(pad), 0}) + content + strings.Repeat("\xff", pad)
}

func end(app, protocol byte) string {
	return record(endRequest, 1, string([]byte{0, 0, 0, app, protocol, 0, 0, 0}), 0)
}

// got is what an Output makes of an answer.
type got struct {
	out, errs string
	err       error
	clean     bool
}

func read(src io.Reader, size int) (g got) {
	var o Output
	var out, errs bytes.Buffer
	o.Reset(src, func(p []byte) { errs.Write(p) })
	p := make([]byte, size)
	for g.err == nil {
		var n int
		n, g.err = o.Read(p)
		out.Write(p[:n])
	}
	if _, again := o.Read(p); again != g.err {
		g.err = fmt.Errorf("%w is not sticky: %w", g.err, again)
	}
	g.out, g.errs, g.clean = out.String(), errs.String(), o.Clean()
	return g
}

var answers = []struct {
	name, raw string
	want      got
}{
	{"plain", record(stdout, 1, "hello", 0) + end(0, 0), got{"hello", "", io.EOF, true}},
	{"padded", record(stdout, 1, "hel", 5) + record(stdout, 1, "lo", 255) + end(0, 0),
		got{"hello", "", io.EOF, true}},
	{"ends of streams", record(stdout, 1, "a", 0) + record(stderr, 1, "", 8) +
		record(stdout, 1, "", 0) + end(0, 0), got{"a", "", io.EOF, true}},
	{"errors between", record(stderr, 1, "oh", 6) + record(stdout, 1, "a", 7) +
		record(stderr, 1, " no", 0) + end(1, 0), got{"a", "oh no", io.EOF, true}},
	{"nothing", end(0, 0), got{"", "", io.EOF, true}},
	{"no byte", "", got{"", "", io.ErrUnexpectedEOF, false}},
	{"excess", record(stdout, 1, "a", 0) + end(0, 0) + "x", got{"a", "", io.EOF, false}},
	{"no end", record(stdout, 1, "hello", 3), got{"hello", "", io.ErrUnexpectedEOF, false}},
	{"half a record", record(stdout, 1, "hello", 3)[:10],
		got{"he", "", io.ErrUnexpectedEOF, false}},
	{"another request", record(stdout, 2, "x", 0), got{"", "", ErrRecord, false}},
	{"request 0", record(stdout, 0, "x", 0), got{"", "", ErrRecord, false}},
	{"version 2", "\x02" + record(stdout, 1, "x", 0)[1:], got{"", "", ErrRecord, false}},
	{"params", record(Params, 1, "x", 0), got{"", "", ErrRecord, false}},
	{"short end", record(endRequest, 1, "1234567", 0), got{"", "", ErrRecord, false}},
	{"overloaded", end(0, 2), got{"", "", ErrOverloaded, false}},
	{"multiplexing", end(0, 1), got{"", "", ErrRefused, false}},
	{"large", record(stdout, 1, strings.Repeat("x", 65535), 1) +
		record(stdout, 1, "y", 7) + end(0, 0),
		got{strings.Repeat("x", 65535) + "y", "", io.EOF, true}},
	{"http", "HTTP/1.1 400 Bad Request\r\n\r\n", got{"", "", ErrRecord, false}},
}

func TestOutput(t *testing.T) {
	for _, tt := range answers {
		for name, src := range map[string]io.Reader{
			"whole":   strings.NewReader(tt.raw),
			"by one":  iotest.OneByteReader(strings.NewReader(tt.raw)),
			"by half": iotest.HalfReader(strings.NewReader(tt.raw)),
			"data with the end": iotest.DataErrReader(
				strings.NewReader(tt.raw)),
		} {
			want := tt.want
			if name == "by one" && tt.name == "excess" { // it has not been seen yet
				want.clean = true
			}
			check(t, tt.name+" "+name, read(src, 100), want)
		}
	}
}

// TestOutputSplit splits each answer after each of its bytes.
func TestOutputSplit(t *testing.T) {
	for _, tt := range answers {
		if len(tt.raw) > 1000 {
			continue
		}
		for at := range len(tt.raw) {
			src := io.MultiReader(strings.NewReader(tt.raw[:at]), strings.NewReader(tt.raw[at:]))
			g := read(src, 3)
			g.clean = tt.want.clean // another piece is seen by who keeps the connection
			check(t, fmt.Sprintf("%s split at %d", tt.name, at), g, tt.want)
		}
	}
}

func check(t *testing.T, name string, g, want got) {
	t.Helper()
	if g.out != want.out || g.errs != want.errs || !errors.Is(g.err, want.err) ||
		g.clean != want.clean {
		t.Errorf("%s: %.40q, %q, %v, clean %v; want %.40q, %q, %v, %v", name,
			g.out, g.errs, g.err, g.clean, want.out, want.errs, want.err, want.clean)
	}
}

func FuzzOutput(f *testing.F) {
	for _, tt := range answers {
		f.Add([]byte(tt.raw), 3)
	}
	f.Fuzz(func(t *testing.T, raw []byte, at int) {
		whole := read(bytes.NewReader(raw), 512)
		at = max(0, min(at, len(raw)))
		split := read(io.MultiReader(bytes.NewReader(raw[:at]), bytes.NewReader(raw[at:])), 5)
		if whole.out != split.out || whole.errs != split.errs || (whole.err == io.EOF) !=
			(split.err == io.EOF) {
			t.Errorf("whole %q %v, split %q %v", whole.out, whole.err, split.out, split.err)
		}
	})
}

// TestChild lets the other side of the protocol in Go's library read what is sent, and answer.
func TestChild(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 65528, 65529, 200_000} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		echo := func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			long := r.Header.Get("X-Long")
			fmt.Fprintf(w, "%s %s %d %v %d", r.Method, r.URL, len(body), err, len(long))
		}
		go func() { served <- gofcgi.Serve(ln, http.HandlerFunc(echo)) }()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		params := AppendParam(nil, "REQUEST_METHOD", "POST")
		params = AppendParam(params, "SERVER_PROTOCOL", "HTTP/1.1")
		params = AppendParam(params, "HTTP_HOST", []byte("h"))
		params = AppendParam(params, "REQUEST_URI", "/x?y")
		params = AppendParam(params, "HTTP_X_LONG", strings.Repeat("v", size))
		params = AppendParam(params, "CONTENT_LENGTH", fmt.Sprint(size))
		msg := AppendBegin(nil, Responder, false)
		msg = AppendRecord(AppendStream(msg, Params, params), Params, nil)
		msg = AppendRecord(AppendStream(msg, Stdin, make([]byte, size)), Stdin, nil)
		if len(msg)%8 != 0 {
			t.Errorf("%d bytes are no multiple of 8", len(msg))
		}
		if _, err := c.Write(msg); err != nil {
			t.Fatal(err)
		}
		g := read(c, 1000)
		want := fmt.Sprintf("POST http://h/x?y %d <nil> %d", size, size)
		_, body, _ := strings.Cut(g.out, "\r\n\r\n")
		if body != want || g.err != io.EOF || !g.clean {
			t.Errorf("%d bytes: %q %v %v, want %q", size, g.out, g.err, g.clean, want)
		}
		c.Close()
		ln.Close()
		<-served
	}
}
