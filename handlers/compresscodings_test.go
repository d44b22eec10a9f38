package handlers_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/tls"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

var allCodings = handlers.CompressConfig{Codings: []string{"zstd", "br", "gzip", "deflate"}}

// decoder decodes what a coding has made.
func decoder(t testing.TB, coding string, r io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case "br":
		return brotli.NewReader(r)
	case "deflate":
		z, err := zlib.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxWindow(8<<20)) // what every client has (RFC 9659)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	t.Fatalf("there is no coding %q", coding)
	return nil
}

// TestCompressCodings: each coding gives back each body, empty and streamed ones, several after one
// another with the same compressors.
func TestCompressCodings(t *testing.T) {
	c := allCodings
	c.MinSize = -1
	for _, coding := range c.Codings {
		for _, size := range []int{0, 1, 1024, 1 << 16, 300_000} {
			for what, body := range map[string][]byte{
				"text": bytes.Repeat([]byte("text"), size/4+1)[:size], "noise": noise(size),
			} {
				for way, h := range bodies("text/plain", body) {
					got := lwantest.Do(t, handlers.Compress(c)(heldBack(h)),
						newRequest(t, "GET", "/", "Accept-Encoding", coding))
					if got.Cut || got.Header.Get("Content-Encoding") != coding ||
						plain(t, got.Header, got.Body) != string(body) {
						t.Errorf("%s, %d of %s, %s: %q", coding, size, what, way, got.Header)
					}
				}
			}
		}
	}
}

// TestCompressNegotiation: weights first, then the order of the configuration.
func TestCompressNegotiation(t *testing.T) {
	for _, tt := range []struct{ accept, all, standard string }{
		{"gzip, deflate, br, zstd", "zstd", "zstd"},
		{"gzip, deflate, br", "br", "br"},
		{"gzip, deflate", "gzip", "gzip"},
		{"deflate", "deflate", ""},
		{"*", "zstd", "zstd"},
		{"*, zstd;q=0", "br", "br"},
		{"gzip;q=1, br;q=0.9, zstd;q=0.8", "gzip", "gzip"},
		{"zstd;q=0.5, identity", "", ""},
		{"zstd;q=0.5, identity;q=0.4", "zstd", "zstd"},
		{"zstd;q=0, br;q=0, gzip;q=0, deflate;q=0, identity;q=0", "", ""},
		{"*;q=0", "", ""},
		{"", "", ""},
	} {
		for want, c := range map[*string]handlers.CompressConfig{
			&tt.all: allCodings, &tt.standard: {},
		} {
			got := lwantest.Do(t, handlers.Compress(c)(page(200, long, "Content-Type", "text/css",
				"ETag", `"a"`)), newRequest(t, "GET", "/", "Accept-Encoding", tt.accept))
			tag := map[bool]string{true: `"a"`, false: `W/"a"`}[*want == ""]
			if got.Header.Get("Content-Encoding") != *want || got.Header.Get("ETag") != tag ||
				got.Header.Get("Vary") != "Accept-Encoding" ||
				plain(t, got.Header, got.Body) != long {
				t.Errorf("%q: %q, want %q", tt.accept, got.Header, *want)
			}
		}
	}
}

// TestCompressEvents: a client can decode each event, and each line that is flushed, before the
// next one is sent, whatever the coding, over both versions of HTTP.
func TestCompressEvents(t *testing.T) {
	for _, coding := range allCodings.Codings {
		for _, two := range []bool{false, true} {
			t.Run(fmt.Sprint(coding, two), func(t *testing.T) { tryEvents(t, coding, two) })
		}
	}
}

func tryEvents(t *testing.T, coding string, two bool) {
	c := allCodings
	c.Types = []string{"text/event-stream", "text/plain"}
	next := map[string]*lwan.Queue[string]{"/events": {}, "/lines": {}}
	srv := &lwan.Server{}
	srv.Use(handlers.Compress(c))
	srv.Handle("GET /events", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		events := resp.Events()
		for data := range next["/events"].All(req) {
			if err := events.Send(lwan.Event{Data: data}); err != nil {
				return resp.Fail(err)
			}
		}
		return lwan.StatusOK
	})
	srv.Handle("GET /lines", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType("text/plain")
		for data := range next["/lines"].All(req) {
			resp.WriteString("data: " + data + "\n\n")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
		}
		return lwan.StatusOK
	})
	if two {
		srv.Endpoints = []lwan.Endpoint{{Addr: "127.0.0.1:0", TLS: loopbackTLS(t)}}
	}
	s := lwantest.Start(t, srv)
	for path, queue := range next {
		queue.Push("0")
		resp, err := s.Client.Do(newRequest(t, "GET", s.URL+path, "Accept-Encoding", coding))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.Header.Get("Content-Encoding") != coding || (resp.ProtoMajor == 2) != two {
			t.Fatalf("%s: %s %q", path, resp.Proto, resp.Header)
		}
		in := bufio.NewReader(decoder(t, coding, resp.Body))
		for i := range 4 {
			for _, want := range []string{fmt.Sprintf("data: %d\n", i), "\n"} {
				if line, err := in.ReadString('\n'); err != nil || line != want {
					t.Fatalf("%s: %q, %v, want %q", path, line, err, want)
				}
			}
			queue.Push(fmt.Sprint(i + 1))
		}
		queue.Close()
		if rest, err := io.ReadAll(in); err != nil || string(rest) != "data: 4\n\n" {
			t.Errorf("%s: %q, %v", path, rest, err)
		}
	}
}

// loopbackTLS has the certificate of package httptest.
func loopbackTLS(t *testing.T) *tls.Config {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates}
}

// TestCompressorsAreBounded: answers beyond the bound go as they are, and a compressor is free
// again when its answer is over, whole or cut.
func TestCompressorsAreBounded(t *testing.T) {
	inside := make(chan struct{})
	var lines lwan.Queue[string]
	c := handlers.CompressConfig{Compressors: 1}
	mw := handlers.Compress(c)
	srv := &lwan.Server{}
	srv.Use(mw)
	srv.Handle("GET /stream", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetContentType("text/plain")
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		inside <- struct{}{}
		for range lines.All(req) {
			return resp.Fail(io.ErrUnexpectedEOF) // cut
		}
		return 200
	})
	srv.Handle("GET /page", page(200, long, "Content-Type", "text/plain"))
	s := lwantest.Start(t, srv)
	coding := func() string {
		head, body := roundTrip(t, s, newRequest(t, "GET", s.URL+"/page", "Accept-Encoding", "br"))
		if plain(t, head.Header, body) != long || head.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q %q", head.Header, body)
		}
		return head.Header.Get("Content-Encoding")
	}
	if got := coding(); got != "br" {
		t.Errorf("at first: %q", got)
	}
	resp, err := s.Client.Do(newRequest(t, "GET", s.URL+"/stream", "Accept-Encoding", "br"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-inside
	if got := coding(); got != "" {
		t.Errorf("beyond the bound: %q", got)
	}
	lines.Push("die")
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the stream was not cut")
	}
	// the client may see the cut before the request is over
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if coding() == "br" {
			return
		}
	}
	t.Error("a stream that was cut keeps its compressor")
}

// TestCompressConfig: codings that there are not, or twice.
func TestCompressConfig(t *testing.T) {
	for text, want := range map[string]string{
		"zstd br gzip deflate": "", "": "", "lzma": `"lzma" is none of`, "GZIP": "is none of",
		"identity": "is none of", "br br": "br is there twice",
	} {
		err := handlers.CompressConfig{Codings: strings.Fields(text)}.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Compress takes what Check refuses")
		}
	}()
	handlers.Compress(handlers.CompressConfig{Codings: []string{"x"}})
}
