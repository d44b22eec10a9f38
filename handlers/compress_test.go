package handlers_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// noise is a body that cannot be compressed.
func noise(n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(b) // it never fails
	return b
}

// plain is the body of an answer, decompressed if it says that it is compressed.
func plain(t testing.TB, h http.Header, body string) string {
	t.Helper()
	switch coding := h.Get("Content-Encoding"); coding {
	case "":
		return body
	default:
		b, err := io.ReadAll(decoder(t, coding, strings.NewReader(body)))
		if err != nil {
			t.Fatalf("%s: %v", coding, err)
		}
		return string(b)
	}
}

// zipDo runs h behind Compress, for a client that takes gzip.
func zipDo(
	t *testing.T, c handlers.CompressConfig, h lwan.Handler, method string,
) *lwantest.Result {
	t.Helper()
	return lwantest.Do(t, handlers.Compress(c)(h),
		newRequest(t, method, "/", "Accept-Encoding", "gzip"))
}

func newRequest(t testing.TB, method, target string, fields ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// bodies are the ways to write one.
func bodies(ct string, body []byte) map[string]lwan.Handler {
	return map[string]lwan.Handler{
		"data": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Data(201, ct, body)
		},
		"string": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.SetContentType(ct)
			resp.SetBody(string(body))
			return 201
		},
		"reader": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.SetContentType(ct)
			if _, err := resp.ReadFrom(bytes.NewReader(body)); err != nil {
				return resp.Fail(err)
			}
			return 201
		},
		"stream": func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.SetContentType(ct)
			if err := resp.SendHead(201); err != nil {
				return resp.Fail(err)
			}
			if _, err := resp.Write(body); err != nil {
				return resp.Fail(err)
			}
			return 201
		},
		"on a goroutine": lwan.Blocking(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Data(201, ct, body)
		}),
	}
}

// compressSizes are around CompressConfig.MinSize and, with heldBack, around what is held back of
// an answer.
var (
	compressSizes = []int{0, 1, 1023, 1024, 1<<16 - 1, 1 << 16, 1<<16 + 1, 200_000}
	heldBack      = lwan.WithLimits(lwan.Limits{Buffer: 1 << 16})
)

func TestCompressSizes(t *testing.T) {
	for _, size := range compressSizes {
		for name, body := range map[string][]byte{
			"text": bytes.Repeat([]byte("text"), size/4+1)[:size], "noise": noise(size),
		} {
			for way, h := range bodies("text/plain", body) {
				t.Run(fmt.Sprint(name, size, way), func(t *testing.T) {
					got := zipDo(t, handlers.CompressConfig{}, heldBack(h), "GET")
					zipped := got.Header.Get("Content-Encoding") == "gzip"
					if got.Err != nil || got.Cut || zipped != (size >= 1024 || way == "stream") {
						t.Fatalf("%v, cut: %v, compressed: %v", got.Err, got.Cut, zipped)
					}
					if text := plain(t, got.Header, got.Body); text != string(body) {
						t.Errorf("%d bytes, want %d", len(text), size)
					}
				})
			}
		}
	}
}

// On the wire there is one head, whatever the filter makes of the body.
func TestCompressOnTheWire(t *testing.T) {
	srv := &lwan.Server{}
	srv.Use(heldBack, handlers.Compress(handlers.CompressConfig{}))
	want := map[string]string{}
	for _, size := range compressSizes {
		for way, h := range bodies("text/plain", noise(size)) {
			path := fmt.Sprintf("/%s/%d", strings.ReplaceAll(way, " ", "-"), size)
			srv.Handle("GET "+path, h)
			want[path] = string(noise(size))
		}
	}
	s := lwantest.Start(t, srv)
	for path, body := range want {
		head, content := roundTrip(t, s,
			newRequest(t, "GET", s.URL+path, "Accept-Encoding", "gzip"))
		if got := plain(t, head.Header, content); got != body {
			t.Errorf("%s: %d bytes, want %d", path, len(got), len(body))
		}
		// that is 200
		streamed := strings.HasPrefix(path, "/reader/") && len(body) > 1<<16
		if head.StatusCode != 201 && !streamed {
			t.Errorf("%s: %s", path, head.Status)
		}
	}
}

// roundTrip sends r with a client that leaves the body as it is, on a connection of its own: what
// comes after the answer would show.
func roundTrip(
	t testing.TB, s *lwantest.Server, r *http.Request,
) (head *http.Response, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.Close = true
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	head, err = http.ReadResponse(in, r)
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close()
	b, err := io.ReadAll(head.Body)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("behind the answer: %q, %v", rest, err)
	}
	return head, string(b)
}

// page is an answer with fields, as a handler in one line.
func page(st lwan.Status, body string, fields ...string) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		for i := 0; i < len(fields); i += 2 {
			resp.AddHeader(fields[i], fields[i+1])
		}
		resp.SetBody(body)
		return st
	}
}

var long = strings.Repeat("a long text ", 200)

// What is compressed, what may be (Vary), and what is left alone.
func TestCompressChoice(t *testing.T) {
	const zipped, plain, same = "gzip", "plain", "same for all"
	for _, tt := range []struct {
		name   string
		config handlers.CompressConfig
		h      lwan.Handler
		want   string
	}{
		{"text", handlers.CompressConfig{},
			page(200, long, "Content-Type", "text/plain; charset=utf-8"), zipped},
		{"upper case", handlers.CompressConfig{}, page(200, long, "Content-Type", "Text/HTML"),
			zipped},
		{"JSON", handlers.CompressConfig{}, page(200, long, "Content-Type", "application/json"),
			zipped},
		{"JSON by structure", handlers.CompressConfig{},
			page(200, long, "Content-Type", "application/problem+json ;a=b"), zipped},
		{"SVG", handlers.CompressConfig{}, page(200, long, "Content-Type", "image/svg+xml"),
			zipped},
		{"error", handlers.CompressConfig{}, page(404, long, "Content-Type", "text/html"), zipped},
		{"image", handlers.CompressConfig{}, page(200, long, "Content-Type", "image/png"), same},
		{"no type", handlers.CompressConfig{}, page(200, long), same},
		{"small", handlers.CompressConfig{}, page(200, long[:1023], "Content-Type", "text/plain"),
			same},
		{"large enough", handlers.CompressConfig{},
			page(200, long[:1024], "Content-Type", "text/plain"), zipped},
		{"own size", handlers.CompressConfig{MinSize: 10},
			page(200, long[:10], "Content-Type", "text/plain"), zipped},
		{"below own size", handlers.CompressConfig{MinSize: 10},
			page(200, long[:9], "Content-Type", "text/plain"), same},
		{"no size", handlers.CompressConfig{MinSize: -1},
			page(200, "", "Content-Type", "text/plain"), zipped},
		{"own type", handlers.CompressConfig{Types: []string{"Image/BMP"}},
			page(200, long, "Content-Type", "image/bmp"), zipped},
		{"own types", handlers.CompressConfig{Types: []string{"font/*"}},
			page(200, long, "Content-Type", "font/ttf"), zipped},
		{"not own type", handlers.CompressConfig{Types: []string{"font/*"}},
			page(200, long, "Content-Type", "text/html"), same},
		{"no types", handlers.CompressConfig{Types: []string{}},
			page(200, long, "Content-Type", "text/html"), same},
		{"events", handlers.CompressConfig{}, page(200, long, "Content-Type", "text/event-stream"),
			same},
		{"events by name", handlers.CompressConfig{Types: []string{"text/event-stream"}},
			page(200, long, "Content-Type", "text/event-stream"), zipped},
		{"encoded", handlers.CompressConfig{},
			page(200, long, "Content-Type", "text/html", "Content-Encoding", "br"), same},
		{"no-transform", handlers.CompressConfig{},
			page(200, long, "Content-Type", "text/html", "Cache-Control", "no-cache, No-Transform"),
			same},
		{"digest", handlers.CompressConfig{},
			page(200, long, "Content-Type", "text/html", "Repr-Digest", "sha-256=:AA==:"), same},
		{"range", handlers.CompressConfig{},
			page(206, long, "Content-Type", "text/html", "Content-Range", "bytes 0-2399/9999"),
			same},
		{"ranges", handlers.CompressConfig{}, page(206, long, "Content-Type", "text/html"), same},
		{"no content", handlers.CompressConfig{MinSize: -1},
			page(204, "", "Content-Type", "text/html"), same},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := zipDo(t, tt.config, tt.h, "GET")
			want := tt.want
			if enc := got.Header.Get("Content-Encoding"); (enc == "gzip") != (want == zipped) {
				t.Errorf("Content-Encoding: %s", enc)
			}
			if got.Header.Get("Vary") == "Accept-Encoding" != (want != same) {
				t.Errorf("Vary: %q", got.Header["Vary"])
			}
			n := got.Header.Get("Content-Length")
			if want == zipped && n != strconv.Itoa(len(got.Body)) {
				t.Errorf("Content-Length: %s of %d", n, len(got.Body))
			}
			other := lwantest.Get(t, handlers.Compress(tt.config)(tt.h), "/") // no Accept-Encoding
			if other.Header.Get("Vary") != got.Header.Get("Vary") ||
				other.Header.Get("Content-Encoding") == "gzip" {
				t.Errorf("for another client: %q", other.Header)
			}
		})
	}
}

func TestCompressHead(t *testing.T) {
	withLength := func(length string, fields ...string) lwan.Handler {
		return page(200, "", append(fields, "Content-Length", length)...)
	}
	for _, tt := range []struct {
		name           string
		h              lwan.Handler
		length, coding string
	}{
		{"a body", page(200, long, "Content-Type", "text/plain"), "as GET", "gzip"},
		{"a small body", page(200, "x", "Content-Type", "text/plain"), "1", ""},
		{"a length", withLength("5000", "Content-Type", "text/plain"), "", "gzip"},
		{"an endless length", withLength("9223372036854775807", "Content-Type", "text/plain"),
			"", "gzip"},
		{"a small length", withLength("50", "Content-Type", "text/plain"), "50", ""},
		{"an image's length", withLength("5000", "Content-Type", "image/png"), "5000", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := &lwan.Server{}
			srv.Handle("/", tt.h, handlers.Compress(handlers.CompressConfig{}))
			s := lwantest.Start(t, srv)
			head, _ := roundTrip(t, s, newRequest(t, "HEAD", s.URL, "Accept-Encoding", "gzip"))
			want := tt.length
			if want == "as GET" {
				get, _ := roundTrip(t, s, newRequest(t, "GET", s.URL, "Accept-Encoding", "gzip"))
				want = get.Header.Get("Content-Length")
			}
			if head.Header.Get("Content-Length") != want ||
				head.Header.Get("Content-Encoding") != tt.coding {
				t.Errorf("%q", head.Header)
			}
		})
	}
}

func TestCompressValidators(t *testing.T) {
	for _, tt := range []struct {
		name, tag, ifNoneMatch string
		st                     lwan.Status
		want                   string
	}{
		{"strong", `"a"`, "", 200, `W/"a"`},
		{"weak", `W/"a"`, "", 200, `W/"a"`},
		{"none", "", "", 200, ""},
		{"not modified, was weak", `"a"`, `"b", W/"a"`, 304, `W/"a"`},
		{"not modified, was strong", `"a"`, `"a"`, 304, `"a"`},
		{"not modified, no tag", "", `W/"a"`, 304, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fields := []string{"Content-Type", "text/html", "Accept-Ranges", "bytes"}
			if tt.tag != "" {
				fields = append(fields, "ETag", tt.tag)
			}
			body := long
			if tt.st == 304 {
				body = ""
			}
			h := handlers.Compress(handlers.CompressConfig{})(page(tt.st, body, fields...))
			got := lwantest.Do(t, h,
				newRequest(t, "GET", "/", "Accept-Encoding", "gzip", "If-None-Match",
					tt.ifNoneMatch))
			if got.Header.Get("ETag") != tt.want || got.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q", got.Header)
			}
			if ranges := got.Header.Get("Accept-Ranges"); (ranges == "") != (tt.st == 200) {
				t.Errorf("Accept-Ranges: %s", ranges)
			}
		})
	}
}

// A client can decompress what was flushed before the rest is there.
func TestCompressFlush(t *testing.T) {
	srv := &lwan.Server{}
	var lines lwan.Queue[string]
	srv.Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType("text/plain")
		for line := range lines.All(req) {
			resp.WriteString(line)
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	}, handlers.Compress(handlers.CompressConfig{}))
	s := lwantest.Start(t, srv)
	lines.Push("first\n")
	resp, err := s.Client.Get(s.URL) // it asks for gzip, and decompresses
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := in.ReadString('\n')
		if err != nil || !resp.Uncompressed {
			t.Fatalf("%q, %v, compressed: %v", line, err, resp.Uncompressed)
		}
		if want := []string{"first\n", "second\n", "third\n"}[i]; line != want {
			t.Errorf("%q, want %q", line, want)
		}
		lines.Push([]string{"second\n", "third\n", ""}[i])
	}
	lines.Close()
	if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// A file goes through the compressor and not through sendfile(2).
func TestCompressFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	srv.Handle("GET /", lwan.Blocking(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		f, err := os.Open(name)
		if err != nil {
			return resp.Fail(err)
		}
		defer f.Close()
		resp.SetContentType("text/plain")
		if err := resp.SendFile(f, 0, int64(len(long))); err != nil {
			return resp.Fail(err)
		}
		return 200
	}), handlers.Compress(handlers.CompressConfig{}))
	s := lwantest.Start(t, srv)
	for _, coding := range []string{"gzip", "br", "zstd", "identity"} {
		head, body := roundTrip(t, s, newRequest(t, "GET", s.URL, "Accept-Encoding", coding))
		if got := head.Header.Get("Content-Encoding"); got != coding && got != "" ||
			(got == "") != (coding == "identity") || plain(t, head.Header, body) != long {
			t.Errorf("%s: %q %q", coding, head.Header, body)
		}
	}
}

// Compressors are used again, by many requests at a time, without a trace of the last one.
func TestCompressConcurrently(t *testing.T) {
	srv := &lwan.Server{}
	srv.Use(handlers.Compress(handlers.CompressConfig{}))
	srv.Handle("GET /{n}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		n, err := lwan.Param[int](req, "n")
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Data(200, "text/plain", bytes.Repeat([]byte{byte('a' + n%26)}, n))
	})
	s := lwantest.Start(t, srv)
	ended := make(chan error)
	for i := range 8 {
		go func() { ended <- manySizes(s, i) }()
	}
	for range 8 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func manySizes(s *lwantest.Server, first int) error {
	for n := first; n < 300_000; n += 29_989 {
		resp, err := s.Client.Get(s.URL + "/" + strconv.Itoa(n))
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		err = errors.Join(err, resp.Body.Close())
		want := bytes.Repeat([]byte{byte('a' + n%26)}, n)
		if err != nil || !bytes.Equal(body, want) {
			return fmt.Errorf("%d: %d bytes, %w", n, len(body), err)
		}
	}
	return nil
}

// A handler whose time is up while a large piece is on its way gets its answer out like any other.
func TestCompressDeadRequest(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	got := lwantest.Do(t,
		handlers.Compress(handlers.CompressConfig{})(
			func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				leave()
				err := req.Sleep(time.Hour)
				resp.SetContentType("text/plain")
				resp.Write(noise(1 << 18))
				return resp.Fail(err)
			}), newRequest(t, "GET", "/", "Accept-Encoding", "gzip").WithContext(ctx))
	if got.Status != 0 || !got.Cut {
		t.Errorf("%+v", got)
	}
}

// middleware outside of Compress may still change the body.
func TestCompressInside(t *testing.T) {
	footer := func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			st := next(req, resp)
			resp.WriteString("footer")
			return st
		}
	}
	h := footer(handlers.Compress(handlers.CompressConfig{})(page(200,
		long, "Content-Type", "text/plain")))
	got := lwantest.Do(t, h, newRequest(t, "GET", "/", "Accept-Encoding", "gzip"))
	if text := plain(t, got.Header, got.Body); text != long+"footer" {
		t.Errorf("%q", text)
	}
}
