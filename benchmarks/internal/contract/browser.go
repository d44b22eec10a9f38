package contract

import "net/http"

// What the handler of Browser looks up. It answers with the three values, with a space between.
const (
	SearchTerms = "q"       // a query parameter
	SearchPage  = "page"    // another one
	SearchUser  = "session" // a cookie
)

// browserRequest has the fields that a current browser sends when a link is followed, with cookies
// as sites with statistics set them: 20 with Host.
func browserRequest() Request {
	return Request{Method: http.MethodGet,
		Target: "/search?category=garden&q=garden+hose&sort=price&page=3", MediaType: "text/plain",
		Answer: "garden hose 3 c0ffee42", Fields: []Field{
			{"sec-ch-prefers-color-scheme", "dark"},
			{"Cache-Control", "max-age=0"},
			{"sec-ch-ua", `"Chromium";v="142", "Not;A=Brand";v="24"`},
			{"sec-ch-ua-mobile", "?0"},
			{"sec-ch-ua-platform", `"Linux"`},
			{"DNT", "1"},
			{"Upgrade-Insecure-Requests", "1"},
			{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like " +
				"Gecko) Chrome/142.0.0.0 Safari/537.36"},
			{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif," +
				"image/webp,*/*;q=0.8"},
			{"Sec-Fetch-Site", "same-origin"},
			{"Sec-Fetch-Mode", "navigate"},
			{"Sec-Fetch-User", "?1"},
			{"Sec-Fetch-Dest", "document"},
			{"Referer",
				"http://shop.example/search?category=garden&q=garden+hose&sort=price&page=2"},
			{"Accept-Encoding", "gzip, deflate, br, zstd"},
			{"Accept-Language", "en-GB,en;q=0.9,de;q=0.8"},
			{"Cookie",
				"_first=1.1.1735700000.17; theme=dark; session=c0ffee42; _visits=42; consent=all"},
			{"Priority", "u=0, i"},
			{"Sec-GPC", "1"},
		}}
}
