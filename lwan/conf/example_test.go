package conf_test

import (
	"fmt"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/conf"
	"github.com/golwan/golwan/lwan/lwantest"
)

// A program has its own handlers in the configuration, by name.
func Example() {
	t := new(testing.B) // an example has no test of its own
	reg := conf.Standard()
	reg.Handlers["hello"] = func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "hello")
	}
	config, err := conf.LoadText("example.conf", `
site {
    &hello /hello
    response_headers { set { X-Frame-Options = DENY } }
}`, reg, conf.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv, err := config.Server()
	if err != nil {
		fmt.Println(err)
		return
	}
	got := lwantest.Get(t, lwantest.Build(t, srv.Server), "/hello")
	fmt.Println(got.Body, got.Header.Get("X-Frame-Options"))
	// Output: hello DENY
}

// A filter of a program's own is a middleware with a configuration.
func ExampleFilter() {
	type config struct {
		Name string `conf:"name,required" doc:"who is greeted"`
	}
	greet := conf.Filter[config]{
		Name: "greet", Phase: conf.PhaseHeaders,
		New: func(_ *lwan.Scope, c config) (lwan.Middleware, error) {
			return func(next lwan.Handler) lwan.Handler {
				return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
					resp.SetHeader("Hello", c.Name)
					return next(req, resp)
				}
			}, nil
		},
	}
	reg := conf.Standard()
	reg.Filters = append(reg.Filters, greet)
	_, err := conf.LoadText("example.conf", "site {\n    greet { nam = Ann }\n}", reg,
		conf.Options{})
	fmt.Println(err)
	// Output:
	// example.conf:2:5: greet: name is missing
	//         greet { nam = Ann }
	//         ^
	//     who is greeted
	// example.conf:2:13: greet has no setting "nam"
	//         greet { nam = Ann }
	//                 ^
	//     did you mean "name"?
}

func ExampleParseCond() {
	cond, err := conf.ParseCond("method in POST,PUT and not path   under /public")
	fmt.Println(cond, err)
	_, err = conf.ParseCond("hots == example.com")
	fmt.Print(err)
	// Output:
	// method in POST, PUT and not path under /public <nil>
	// condition:1:1: "hots" is nothing that a condition can test
	//     hots == example.com
	//     ^
	//     did you mean "host"?
}

func ExampleFormat() {
	text, err := conf.Format("x.conf", []byte("site{response / {code=200}}# all"))
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// site { response / { code = 200 } } # all
	// <nil>
}
