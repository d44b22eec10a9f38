package lwan

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// discardWriter is an http.ResponseWriter that keeps nothing.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}

// BenchmarkToHTTP is what a request costs behind net/http: with the two fields of a benchmark's
// client, and with those of a browser.
func BenchmarkToHTTP(b *testing.B) {
	const browser = "" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
		"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n" +
		"Referer: https://www.example.com/articles/2026/\r\nCache-Control: max-age=0\r\n" +
		"Cookie: session=0f3d9a1c5be24b7f8a6d; theme=dark\r\nIf-None-Match: \"5f3c-61a2\"\r\n" +
		"DNT: 1\r\n"
	for _, client := range []struct{ name, fields string }{
		{"wrk", ""}, {"browser", browser},
	} {
		b.Run(client.name, func(b *testing.B) {
			in := "GET /articles/2026/page.html?page=2 HTTP/1.1\r\nHost: www.example.com\r\n"
			r, err := http.ReadRequest(
				bufio.NewReader(strings.NewReader(in + client.fields + "\r\n")))
			if err != nil {
				b.Fatal(err)
			}
			h := ToHTTP(func(_ *Request, resp *Response) Status {
				resp.WriteString("hello")
				return StatusOK
			})
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(&discardWriter{http.Header{}}, r)
			}
		})
	}
}
