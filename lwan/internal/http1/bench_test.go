package http1

import (
	"strconv"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Requests as these clients send them.
const (
	wrkRequest  = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	curlRequest = "GET /v1/things?limit=20 HTTP/1.1\r\nHost: api.example.com\r\n" +
		"User-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"

	chromeRequest = "GET /articles/2026/an-ordinary-page.html?utm_source=feed&page=2 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"130\", \"Google Chrome\";v=\"130\", " +
		"\"Not?A_Brand\";v=\"99\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"DNT: 1\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Chrome/130.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp," +
		"image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n" +
		"X-Client-Data: CIa2yQEIorbJAQipncoBCKijygEIlqHLAQiFoM0BGPXJzQE=\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Referer: https://www.example.com/articles/2026/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
		"Cookie: session=0f3d9a1c5be24b7f8a6d; theme=dark; _ga=GA1.2.1234567890.1700000000; " +
		"consent=yes\r\n" +
		"If-None-Match: \"5f3c-61a2b3c4d5e6f\"\r\n" +
		"\r\n"
)

func BenchmarkParse(b *testing.B) {
	for _, client := range []struct{ name, request string }{
		{"wrk", wrkRequest}, {"curl", curlRequest}, {"chrome", chromeRequest},
	} {
		b.Run(client.name, func(b *testing.B) {
			benchmarkParse(b, []byte(client.request))
		})
	}
}

func benchmarkParse(b *testing.B, request []byte) {
	var h message.Head
	var lim message.Limits
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		var r Resume
		if verdict, err := Parse(request, &h, &lim, &r); verdict != Done {
			b.Fatal(err)
		}
	}
}

// BenchmarkParsePieces is a browser's head as a slow client sends it: each byte is looked at twice.
func BenchmarkParsePieces(b *testing.B) {
	request := []byte(chromeRequest)
	var h message.Head
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		if !parsesSlowly(request, &h) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkFind(b *testing.B) {
	request := []byte(chromeRequest)
	var h message.Head
	if !parses(request, &h) {
		b.Fatal("refused")
	}
	for _, name := range []string{"Cookie", "If-Modified-Since", "X-Client-Data", "X-Absent"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h.Find(request, name)
			}
		})
	}
}

// BenchmarkResponseHead is the head of a small answer: status line, three fields, the blank line.
func BenchmarkResponseHead(b *testing.B) {
	out := make([]byte, 0, 512)
	date := message.AppendDate(nil, 784111777)
	b.ReportAllocs()
	for b.Loop() {
		head := AppendStatusLine(out, 200)
		head = append(append(append(head, "Date: "...), date...), "\r\n"...)
		head = AppendField(head, "Content-Type", "text/plain; charset=utf-8")
		head = append(head, "Content-Length: "...)
		head = append(strconv.AppendInt(head, 12345, 10), "\r\n\r\n"...)
		if len(head) != 120 {
			b.Fatalf("%d bytes: %q", len(head), head)
		}
	}
}

// BenchmarkChunked is a body of 64 KiB in chunks of the size that clients use.
func BenchmarkChunked(b *testing.B) {
	for _, size := range []int{16, 4 << 10, 32 << 10} {
		var body []byte
		for range 64 << 10 / size {
			body = AppendChunkHead(body, size)
			body = append(append(body, make([]byte, size)...), "\r\n"...)
		}
		body = append(body, LastChunk...)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if !decodes(body) {
					b.Fatal("refused")
				}
			}
		})
	}
}
