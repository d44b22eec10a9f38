package http1

import "testing"

// Requests as these clients send them.
const (
	wrkRequest  = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	curlRequest = "GET /v1/things?limit=20 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"

	chromeRequest = "GET /articles/2026/an-ordinary-page.html?utm_source=feed&page=2 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"130\", \"Google Chrome\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"DNT: 1\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n" +
		"X-Client-Data: CIa2yQEIorbJAQipncoBCKijygEIlqHLAQiFoM0BGPXJzQE=\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Referer: https://www.example.com/articles/2026/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
		"Cookie: session=0f3d9a1c5be24b7f8a6d; theme=dark; _ga=GA1.2.1234567890.1700000000; consent=yes\r\n" +
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
	var h Head
	var lim Limits
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		var r Resume
		if verdict, err := Parse(request, &h, &lim, &r); verdict != Done {
			b.Fatal(err)
		}
	}
}
