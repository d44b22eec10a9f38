//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/golwan/golwan/lwan/internal/netstat"
)

// A connection is driven by random steps against a model of what must come back. The model is a
// list of answers, nothing of how they are made: each step says what it sends, which answer that
// gets, and whether the connection goes on.
//
//	script = ending, cut, place, steps          what one client does
//	step   = request | what is no request
//	answer = status, body
//	model  = answers in the order of requests, up to the first that closes; then the end
//
// A client that leaves early gets a beginning of that, perhaps with an error as its last word. What
// the client does is in h1modelclient_test.go.

// modelStep is one thing that a client does.
type modelStep struct {
	send   string
	later  string // is sent when 100 (Continue) has come
	method string
	status int
	body   string // of a good answer
	closes bool   // behind this answer the server hangs up
	asked  bool   // because the request says so
	silent bool   // perhaps without having said so in the answer: the reason may come behind it
	// the handler may wait for something: a client that closes its side may be taken for gone
	waits bool
}

const modelLimit = 4_000

func getStep(path string, status int, body string) modelStep {
	return modelStep{send: get1(path), method: "GET", status: status, body: body}
}

func postStep(send, body string) modelStep {
	return modelStep{send: send, method: "POST", status: 200, body: body, waits: true}
}

// refusedStep is no request, or one that leaves nobody in the know about what comes next.
func refusedStep(send string, status int) modelStep {
	return modelStep{send: send, method: "GET", status: status, closes: true}
}

func (s modelStep) waiting() modelStep { s.waits = true; return s }
func (s modelStep) closing() modelStep { s.closes = true; return s }

// asking has the body wait for 100 (Continue).
func (s modelStep) asking() modelStep {
	head, body, _ := strings.Cut(s.send, "\r\n\r\n")
	s.send, s.later = head+"\r\nExpect: 100-continue\r\n\r\n", body
	return s
}

// unasked sends the body all the same.
func (s modelStep) unasked() modelStep {
	s = s.asking()
	s.send, s.later = s.send+s.later, ""
	return s
}

// modelSteps make a step with a number for what there is to choose.
var modelSteps = []func(n int) modelStep{
	func(n int) modelStep { return getStep("/ok", 200, "ok") },
	func(n int) modelStep { return postStep(post("/echo", bytesOf(n)), bytesOf(n)) },
	func(n int) modelStep {
		return postStep(chunked("/echo", []string{bytesOf(n) + "x", "y"}, "T: 1\r\n"),
			bytesOf(n)+"xy")
	},
	func(n int) modelStep { return postStep(post("/ignore", bytesOf(n)), "ignored") },
	func(n int) modelStep {
		return postStep(chunked("/ignore", []string{bytesOf(n) + "x"}, ""), "ignored")
	},
	func(n int) modelStep {
		return modelStep{send: "HEAD /ok HTTP/1.1\r\nHost: x\r\n\r\n", method: "HEAD", status: 200}
	},
	func(n int) modelStep { return getStep("/none", 404, "") },
	func(n int) modelStep { return getStep("/panic", 500, "") },
	func(n int) modelStep { return getStep("/sleep", 200, "slept").waiting() },
	func(n int) modelStep {
		return getStep("/stream", 200, strings.Repeat("y", 100_000)).waiting()
	},
	func(n int) modelStep { return getStep("/blocking", 200, "blocked").waiting() },
	func(n int) modelStep {
		return modelStep{
			send:   "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
			method: "GET", status: 200, body: "ok",
		}
	},
	func(n int) modelStep {
		return modelStep{
			send: "GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method: "GET",
			status: 200, body: "ok", closes: true, asked: true,
		}
	},
	func(n int) modelStep { return refusedStep("GET /ok HTTP/1.1\r\nA: b\r\n\r\n", 400) },
	func(n int) modelStep {
		return refusedStep("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"nonsense\r\n", 400)
	},
	func(n int) modelStep {
		return modelStep{
			send: post("/echo", strings.Repeat("c", modelLimit+1)), method: "POST",
			status: 413, waits: true,
		}
	},
	func(n int) modelStep {
		return postStep(post("/echo", bytesOf(n)+"x"), bytesOf(n)+"x").asking()
	},
	func(n int) modelStep {
		return postStep(chunked("/echo", []string{bytesOf(n) + "x"}, ""), bytesOf(n)+"x").asking()
	},
	func(n int) modelStep {
		return postStep(post("/echo", bytesOf(n)+"x"), bytesOf(n)+"x").unasked()
	},
	func(n int) modelStep {
		return postStep(chunked("/echo", []string{bytesOf(n) + "x"}, ""), bytesOf(n)+"x").unasked()
	},
	func(n int) modelStep {
		return postStep(post("/ignore", bytesOf(n)+"x"), "ignored").unasked().closing()
	},
	func(n int) modelStep {
		return refusedStep("GET /ok HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\n\r\n", 417)
	},
	func(n int) modelStep { return postStep(post("/early", bytesOf(n)), "early "+bytesOf(n)) },
	func(n int) modelStep {
		return postStep(chunked("/early", []string{bytesOf(n) + "x"}, ""), "early "+bytesOf(n)+"x")
	},
	func(n int) modelStep { return postStep(post("/blocking-echo", bytesOf(n)), bytesOf(n)) },
	func(n int) modelStep {
		return postStep(chunked("/blocking-echo", []string{"x", bytesOf(n) + "y"}, ""),
			"x"+bytesOf(n)+"y")
	},
	func(n int) modelStep {
		return modelStep{
			send: strings.Replace(post("/ok", bytesOf(n)), "POST", "GET", 1), method: "GET",
			status: 200, body: "ok", waits: true,
		}
	},
	func(n int) modelStep {
		return modelStep{
			send: chunked("/ok", []string{bytesOf(n) + "x"}, ""), method: "POST",
			status: 405, waits: true,
		}
	},
	func(n int) modelStep {
		return modelStep{send: "\r\n\r\n" + get1("/ok"), method: "GET", status: 200, body: "ok"}
	},
	func(n int) modelStep {
		return refusedStep(strings.Replace(post("/echo", "0\r\n\r\n"), "\r\n\r\n",
			"\r\nTransfer-Encoding: chunked\r\n\r\n", 1), 400)
	},
	func(n int) modelStep {
		return postStep(post("/echo", strings.Repeat("l", modelLimit)),
			strings.Repeat("l", modelLimit))
	},
	func(n int) modelStep {
		return postStep(strings.Replace(chunked("/echo", []string{"a", "b", "c", bytesOf(n) + "d"},
			""), "\r\n1\r\n", "\r\n1;x=\"y\"\r\n", 3), "abc"+bytesOf(n)+"d")
	},
	func(n int) modelStep { return getStep("http://y/ok", 200, "ok") },
	func(n int) modelStep { return getStep("/large", 200, strings.Repeat("x", 300_000)).waiting() },
	func(n int) modelStep {
		return modelStep{
			send: strings.Replace(post("/ok", bytesOf(n)), "POST", "FROB", 1), method: "FROB",
			status: 501, waits: true,
		}
	},
	func(n int) modelStep {
		s := postStep(strings.Replace(post("/echo", bytesOf(n)), "1.1", "1.0", 1),
			bytesOf(n)).closing()
		s.asked = true
		return s
	},
	func(n int) modelStep {
		chunks := []string{strings.Repeat("m", modelLimit), bytesOf(n) + "m"}
		return modelStep{
			send: chunked("/echo", chunks, ""), method: "POST", status: 413, waits: true,
		}
	},
	func(n int) modelStep {
		s := postStep("POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"3\r\nabc\nX", "ignored").closing()
		s.silent = true
		return s
	},
	func(n int) modelStep {
		return refusedStep("GET /"+strings.Repeat("p", 9_000)+" HTTP/1.1\r\nHost: x\r\n\r\n", 414)
	},
	func(n int) modelStep {
		return refusedStep("GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("A: b\r\n", 128)+"\r\n",
			431)
	},
	func(n int) modelStep { return refusedStep("\x16\x03\x01"+bytesOf(n), 400) },
	func(n int) modelStep { return getStep("//ok", 307, "") },
}

// bytesOf is a text that n chooses the length of: from none to what needs several reads.
func bytesOf(n int) string { return strings.Repeat("b", n*n/22) }

// modelServer answers the steps.
func modelServer(t testing.TB) (*Server, string) {
	srv := &Server{Limits: Limits{Body: modelLimit}, MaxPipelined: 3}
	misbehaving(srv)
	srv.Handle("POST /ignore", text("ignored"))
	srv.Handle("POST /blocking-echo", echo, Blocking)
	srv.Handle("POST /early", func(req *Request, resp *Response) Status {
		resp.WriteString("early ")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		if _, err := io.Copy(resp, req.Body()); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	return srv, serveTest(t, srv)
}

// TestModel plays random scripts on many connections at the same time.
func TestModel(t *testing.T) {
	t.Parallel()
	_, addr := modelServer(t)
	seed := rand.Uint64()
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(k)))
			for range rounds {
				script := make([]byte, 4+2*rnd.IntN(16))
				for i := range script {
					script[i] = byte(rnd.Uint32())
				}
				if wrong := driven(addr, script); wrong != "" {
					t.Errorf("%x: %s", script, wrong)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestModelSteps plays each step alone, between others, in every way to send and to leave.
func TestModelSteps(t *testing.T) {
	t.Parallel()
	_, addr := modelServer(t)
	var wg sync.WaitGroup
	for op := range modelSteps {
		wg.Go(func() {
			for _, n := range []byte{0, 90, 255} {
				for ending := range byte(endings) {
					for _, cut := range []byte{0x7f, 0x00, 0x80} {
						script := []byte{ending, cut, 0, n, 0, 0, byte(op), n, byte(op), 255 - n, 0,
							0}
						if wrong := driven(addr, script); wrong != "" {
							t.Errorf("%x: %s", script, wrong)
						}
					}
				}
			}
		})
	}
	wg.Wait()
}

// FuzzModel is TestModel with scripts of the fuzzer's. After each the server has nothing left of
// the connection.
func FuzzModel(f *testing.F) {
	srv, addr := modelServer(f)
	for op := range modelSteps {
		f.Add([]byte{byte(op), byte(op * 7), 0, byte(op), byte(op), 100, 0, 0})
	}
	// large answers before one that closes
	f.Add([]byte{stays, 65, 0, 0, 9, 0, 9, 0, 35, 48})
	// many bodies as large as they may be
	f.Add(append([]byte{90, 62, 67, 240}, bytes.Repeat([]byte{240}, 60)...))
	// a large answer, and bytes one by one behind the last
	f.Add([]byte{stays, 0, 0, 0, 33, 233, 20, 102, 0, 10, 10, 100, 16, 0})
	// expectations of a client that does not wait
	f.Add([]byte{parts, 0, 48, 48, 17, 48, 17, 48, 15, 59, 6, 48, 17, 48})
	f.Fuzz(func(t *testing.T, script []byte) {
		if wrong := driven(addr, script[:min(len(script), 64)]); wrong != "" {
			t.Error(wrong)
		}
		settled(t, fmt.Sprintf("connections after %x", script), 0, func() int64 {
			s := srv.Stats()
			return s.Conns.Idle + s.Conns.Active + s.Conns.Parked
		})
	})
}

// driven drives a script, and again if the system had no memory for the connection.
func driven(addr string, script []byte) (wrong string) {
	for range 5 {
		aborts := netstat.Aborts()
		if wrong = drive(addr, script); wrong == "" || netstat.Aborts() == aborts {
			break
		}
	}
	return wrong
}
