package lwantest_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// A test has a *testing.T; an example has none, and so makes one that cannot fail.
func Example() {
	t := new(testing.B)

	srv := &lwan.Server{}
	srv.Handle("PUT /notes/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		id, err := lwan.Param[int](req, "id")
		if err != nil {
			return resp.Fail(err) // 404; the client does not see why
		}
		return resp.Text(201, fmt.Sprint("note ", id))
	})
	h := lwantest.Build(t, srv)

	for _, target := range []string{"/notes/7", "/notes/x"} {
		got := lwantest.Do(t, h, httptest.NewRequest("PUT", target, strings.NewReader("text")))
		fmt.Println(got.Status, got.Header.Get("Content-Type"), got.Err)
	}
	// Output:
	// 201 text/plain; charset=utf-8 <nil>
	// 404 text/plain; charset=utf-8 id is not valid: strconv.Atoi: parsing "x": invalid syntax
}

func ExampleEvents() {
	stream := "retry: 2000\n\nid: 7\ndata: two\ndata: lines\n\n: a comment\n\nevent: end\ndata:\n\n"
	for ev := range lwantest.Events(strings.NewReader(stream)) {
		fmt.Printf("%q %q %q %v\n", ev.ID, ev.Name, ev.Data, ev.Retry)
	}
	// Output:
	// "7" "" "two\nlines" 2s
	// "7" "end" "" 0s
}
