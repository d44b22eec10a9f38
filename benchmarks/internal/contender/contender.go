package contender

import (
	"context"
	"errors"
	"slices"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// ErrMissing is returned, wrapped, by Prepare for a contender that is not installed on this
// machine.
var ErrMissing = errors.New("not installed")

// Contender is a server that can be compared.
type Contender struct {
	Name   string
	About  string
	serves []contract.Feature // nil: not known before it is asked

	prepare func(ctx context.Context, bin string) (Program, error)
}

// Serves reports whether the contender answers the requests of a feature. For one that was built
// elsewhere the answer is always true, and only the check of its answers tells.
func (c Contender) Serves(f contract.Feature) bool {
	return c.serves == nil || slices.Contains(c.serves, f)
}

// Prepare makes the contender ready to be started. Programs of this module are built into the
// folder bin.
func (c Contender) Prepare(ctx context.Context, bin string) (Program, error) {
	p, err := c.prepare(ctx, bin)
	p.Name = c.Name
	return p, err
}

// Program is a contender that is ready to be started.
type Program struct {
	Name    string
	Version string
	Binary  string // the file, for its size; "" when it is not known

	command func(s Setup, addr, dir string) (proc.Command, error) // without the CPU
	// fixed address; "" for http://{addr}/
	url string
}

// Setup is how a server is to be run.
type Setup struct {
	CPU       int  // the only CPU, or proc.AnyCPU
	Workers   int  // processes or loops, for contenders that have to be told; 0 is 1
	Reconnect bool // the load closes each connection after an answer
	// absolute path of the folder made by contract.WriteFiles; "": no files are served
	Files string
}

func (s Setup) workers() int { return max(s.Workers, 1) }

// All lists the known contenders in the order in which they are run.
func All() []Contender {
	return []Contender{
		goProgram("golwan", "this framework, as it is by default", "", contract.Features()...),
		floor(),
		goProgram("writes",
			"as many bare write calls as an event has subscribers: the lower bound of fan-out",
			"", contract.Publish),
		goProgram("nethttp", "the standard library's net/http with its ServeMux", "",
			without(contract.FileGzip, contract.Allocate)...),
		goProgram("fasthttp", "valyala/fasthttp, which has no router",
			"github.com/valyala/fasthttp",
			slices.Concat(framework, []contract.Feature{contract.Browser, contract.FileGzip})...),
		goProgram("gin", "gin-gonic/gin on net/http", "github.com/gin-gonic/gin", routing...),
		goProgram("echo", "labstack/echo on net/http", "github.com/labstack/echo/v5", routing...),
		goProgram("chi", "go-chi/chi on net/http", "github.com/go-chi/chi/v5", routing...),
		goProgram("fiber2", "gofiber/fiber v2 on fasthttp",
			"github.com/gofiber/fiber/v2", routing...),
		goProgram("fiber3", "gofiber/fiber v3 on fasthttp",
			"github.com/gofiber/fiber/v3", routing...),
		goProgram("hertz", "cloudwego/hertz on its netpoll",
			"github.com/cloudwego/hertz", routing...),
		nginx(),
		lighttpd(),
	}
}

var (
	// plainFiles is what every server of files has.
	plainFiles = []contract.Feature{contract.FileSmall, contract.FileMiddle, contract.FileLarge,
		contract.FileUnchanged, contract.File4K, contract.File16K,
		contract.File64K, contract.File128K}
	// framework is what everything with handlers has.
	framework = slices.Concat(plainFiles,
		[]contract.Feature{contract.Hello, contract.JSON, contract.Post, contract.PostLarge,
			contract.Template, contract.Wait, contract.Mix, contract.MixStill})
	// routing is the same with a router.
	routing = slices.Concat(framework, []contract.Feature{contract.Routing})
)

// without is all features but some.
func without(some ...contract.Feature) []contract.Feature {
	return slices.DeleteFunc(contract.Features(), func(f contract.Feature) bool {
		return slices.Contains(some, f)
	})
}

// Find returns the contender with a name.
func Find(name string) (Contender, bool) {
	for _, c := range All() {
		if c.Name == name {
			return c, true
		}
	}
	return Contender{}, false
}
