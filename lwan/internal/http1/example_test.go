package http1_test

import (
	"fmt"
	"strconv"

	"github.com/golwan/golwan/lwan/internal/http1"

	"github.com/golwan/golwan/lwan/internal/message"
)

func ExampleParse() {
	var head message.Head
	var resume http1.Resume
	request := []byte("GET /hello%20you?name=x HTTP/1.1\r\nHost: localhost:8080\r\n" +
		"X-Trace: 7\r\n\r\n")

	for _, n := range []int{10, 50, len(request)} { // as the bytes come in
		verdict, err := http1.Parse(request[:n], &head, nil, &resume)
		switch verdict {
		case http1.More:
			continue
		case http1.Bad:
			fmt.Println(err)
			return
		}
	}
	path, clean, _ := message.CleanPath(nil, head.Path.Of(request))
	trace, _ := head.Find(request, "x-trace")
	fmt.Printf("%s %s %v\n", head.Method.Of(request), path, clean)
	fmt.Printf("query %s, trace %s, keep-alive %v\n",
		head.Query.Of(request), trace.Of(request), head.KeepAlive)
	// Output:
	// GET /hello you true
	// query name=x, trace 7, keep-alive true
}

func ExampleParse_refused() {
	var head message.Head
	var resume http1.Resume
	request := []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" +
		"Transfer-Encoding: chunked\r\n")

	_, err := http1.Parse(request, &head, nil, &resume) // the head is not complete, its fault is
	fmt.Println(err.Status, err.Reason)
	// Output: 400 both Content-Length and Transfer-Encoding
}

func ExampleChunked() {
	var chunked http1.Chunked
	buf := []byte("5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n")
	var body []byte
	for {
		skip, data, done, err := chunked.Next(buf)
		if err.Status != 0 {
			fmt.Println(err)
			return
		}
		if done {
			section := buf[skip-chunked.TrailerLen() : skip]
			trailer, _ := http1.ParseTrailer(section, nil)
			fmt.Printf("%s, %s: %s\n",
				body, trailer[0].Name.Of(section), trailer[0].Value.Of(section))
			return
		}
		body = append(body, buf[skip:skip+data]...)
		chunked.Advance(data)
		buf = buf[skip+data:] // a server would read more bytes when none are left
	}
	// Output: hello world, X-Sum: 11
}

func ExampleAppendStatusLine() {
	head := http1.AppendStatusLine(nil, 404)
	head = http1.AppendField(head, "Content-Type", "text/plain")
	head = append(head, "Content-Length: "...)
	head = strconv.AppendInt(head, 9, 10)
	head = append(head, "\r\n\r\n"...)
	fmt.Printf("%q\n", head)
	// Output: "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
}
