package files_test

import (
	"embed"
	"fmt"
	"log"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan"
)

//go:embed doc.go
var assets embed.FS

func Example() {
	srv := &lwan.Server{Addr: ":8080"}
	// what is embedded does not change
	srv.Mount("/source", files.Module.With(files.Config{FS: assets, TTL: -1}))
	srv.Mount("/", files.Module.With(files.Config{
		Dir:      ".",
		List:     true,
		Fallback: "index.html",
		Cache: map[string]string{
			"assets/*": "public, max-age=31536000, immutable", "*": "no-cache",
		},
		Exclude: []string{"*.bak", "node_modules"},
	}))

	h, err := srv.Build() // lwan.Run(srv) in a program
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	rec := httptest.NewRecorder()
	lwan.ToHTTP(h).ServeHTTP(rec, httptest.NewRequest("HEAD", "/source/doc.go", nil))
	fmt.Println(rec.Code, rec.Header().Get("Content-Type"))
	// Output: 200 text/plain; charset=utf-8
}

func ExampleContent() {
	report := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetHeader("ETag", `"v17"`)
		return files.Content(req, resp, "report.csv", time.Unix(1e9, 0),
			strings.NewReader("a;b\n1;2\n"))
	}
	req := httptest.NewRequest("GET", "/report.csv", nil)
	req.Header.Set("Range", "bytes=4-")
	rec := httptest.NewRecorder()
	lwan.ToHTTP(report).ServeHTTP(rec, req)
	fmt.Printf("%d %s %q\n", rec.Code, rec.Header().Get("Content-Range"), rec.Body)
	// Output: 206 bytes 4-7/8 "1;2\n"
}

func ExampleVHosts() {
	srv := &lwan.Server{Addr: ":8080"}
	// www.example.com is answered from /srv/www/www.example.com
	srv.Mount("/", files.VHosts.With(files.VHostsConfig{
		Dir: "/srv/www/%0", Default: "/srv/www/nobody",
	}))
}

func ExampleUserDirs() {
	srv := &lwan.Server{Addr: ":8080"}
	// /~joe/ is public_html in joe's home
	srv.Mount("/", files.UserDirs.With(files.UserDirsConfig{}))
}
