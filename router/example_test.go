package router_test

import (
	"fmt"

	"github.com/golwan/golwan/router"
)

func Example() {
	var table router.Table[string]
	table.Add("GET /users/{id}", "show a user", "main.go:10")
	table.Add("GET /users/me", "show myself", "main.go:11")
	table.Add("GET /files/{path...}", "send a file", "main.go:12")
	if err := table.Build(); err != nil {
		fmt.Println(err)
		return
	}

	var params router.Params
	for _, path := range []string{"/users/7", "/users/me", "/files/a/b.txt", "/files", "/nowhere"} {
		value, result := table.Find("GET", "example.com", path, &params)
		fmt.Printf("%s: %v %q", path, result.Kind, value)
		for i := range params.Len() {
			name, value := params.At(i)
			fmt.Printf(" %s=%s", name, value)
		}
		fmt.Println(result.Location)
	}
	_, result := table.Find("DELETE", "example.com", "/users/7", &params)
	fmt.Println(result.Kind, result.Allow)
	// Output:
	// /users/7: Found "show a user" id=7
	// /users/me: Found "show myself"
	// /files/a/b.txt: Found "send a file" path=a/b.txt
	// /files: Redirect "send a file"/files/
	// /nowhere: NotFound ""
	// MethodNotAllowed GET, HEAD
}

func ExampleTable_Build() {
	var table router.Table[int]
	table.Add("GET /{$", 1, "main.go:10")
	table.Add("GET /posts/{id}", 2, "main.go:11")
	table.Add("GET /{kind}/latest", 3, "main.go:12")
	fmt.Println(table.Build())
	// Output:
	// router: "GET /{$" (main.go:10): offset 5: a wildcard must be a whole segment: {name}
	// router: "GET /{kind}/latest" (main.go:12) conflicts with "GET /posts/{id}" (main.go:11): both match GET /posts/latest, and neither is more specific
}
