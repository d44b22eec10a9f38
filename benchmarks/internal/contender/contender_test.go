package contender

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

func Example() {
	c, err := External("lwan", "./lwan -l {addr}", "http://{addr}/hello")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Name, c.Serves(contract.Hello))
	// Output: lwan true
}

// TestEveryContenderKeepsTheContract builds, starts and asks all of them, in all ways in which they
// are measured.
func TestEveryContenderKeepsTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("builds every contender")
	}
	bin, files := t.TempDir(), t.TempDir()
	if err := contract.WriteFiles(files); err != nil {
		t.Fatal(err)
	}
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			program, err := c.Prepare(t.Context(), bin)
			if errors.Is(err, ErrMissing) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(program.Binary); err != nil || program.Version == "" {
				t.Errorf("version %q, binary %v", program.Version, err)
			}
			for _, s := range []Setup{
				{CPU: 0, Files: files}, {CPU: proc.AnyCPU, Workers: 2, Files: files},
				{CPU: 0, Reconnect: true},
			} {
				checkServer(t, c, program, s)
			}
		})
	}
}

func checkServer(t *testing.T, c Contender, program Program, s Setup) {
	server, err := program.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range contract.Features() {
		if !c.Serves(f) || s.Files == "" && (needsFiles(f) || contract.Requests(f)[0].Endless) {
			continue
		}
		size, err := server.Check(server.Requests(f), s.Reconnect)
		if err != nil {
			t.Errorf("%s, %+v: %v", f, s, err)
		}
		if most := mostBytes(f); size < 60 || size > most {
			t.Errorf("%s, %+v: answers of %.1f bytes", f, s, size)
		}
	}
	if server.Started <= 0 {
		t.Errorf("started in %v", server.Started)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(server.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func needsFiles(f contract.Feature) bool {
	return slices.ContainsFunc(contract.Requests(f), func(r contract.Request) bool {
		return strings.HasPrefix(r.Target, contract.FilesPath)
	})
}

// mostBytes is what an answer may have, with its head.
func mostBytes(f contract.Feature) float64 {
	longest := 0
	for _, r := range contract.Requests(f) {
		longest = max(longest, len(r.Answer))
		if r.Endless {
			longest = 4096 // what is read at once, whatever there is
		}
	}
	return float64(longest) + 400
}

func TestFindAndServes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		found, ok := Find(c.Name)
		if !ok || found.About != c.About || c.About == "" || seen[c.Name] ||
			c.Serves(contract.Hello) == (c.Name == "writes") {
			t.Errorf("%s: %q", c.Name, c.About)
		}
		seen[c.Name] = true
	}
	if _, ok := Find("apache"); ok {
		t.Error("found what is not there")
	}
	if c, _ := Find("nginx"); c.Serves(contract.JSON) {
		t.Error("nginx encodes no JSON")
	}
}

func TestMissing(t *testing.T) {
	if _, _, err := installed(t.Context(), "no-such-server", "-v"); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
}

func TestExternalRefuses(t *testing.T) {
	for _, c := range []struct{ name, command, url string }{
		{"", "x", ""}, {"x", " ", ""}, {"nginx", "x", ""},
		{"x", "x", "https://{addr}/"}, {"x", "x", "http://localhost/"},
		{"x", "x", "http://{addr}/?a=b"}, {"x", "x", "{addr}"},
	} {
		if _, err := External(c.name, c.command, c.url); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// start prepares and starts an external contender.
func start(t *testing.T, command, url string) (*Server, error) {
	t.Helper()
	c, err := External("external", command, url)
	if err != nil {
		t.Fatal(err)
	}
	program, err := c.Prepare(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return program.Start(t.Context(), Setup{CPU: 0})
}

// self is this test binary, which is a server when the environment says so.
const self = "GOLWAN_TEST_SERVER"

func TestMain(m *testing.M) {
	if behaviour := os.Getenv(self); behaviour != "" {
		log.Fatal(serveAs(behaviour, os.Args[1]))
	}
	os.Exit(m.Run())
}

// serveAs answers every connection with the same bytes, whatever it sends.
func serveAs(answer, addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 4096)); err == nil {
			fmt.Fprintf(conn,
				"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", answer,
				len(contract.Greeting), contract.Greeting)
		}
		conn.Close()
	}
}

func TestExternal(t *testing.T) {
	binary, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	command := "env " + self + "='200 OK' " + binary + " {host}:{port}"
	server, err := start(t, command, "http://{addr}/hello")
	if err != nil {
		t.Fatal(err)
	}
	if got := server.Requests(contract.Hello)[0].Target; got != "/hello" {
		t.Errorf("hello is at %s", got)
	}
	if _, err := server.Check(server.Requests(contract.JSON), false); err == nil {
		t.Error("its JSON is not JSON")
	}
	fixed := strings.ReplaceAll(command, "{host}:{port}", server.Addr)
	if other, err := start(t, fixed, "http://"+server.Addr+"/"); err == nil {
		t.Error("a second server at the same address", other.Stop())
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	again, err := start(t, fixed, "http://"+server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Stop(); err != nil {
		t.Error(err)
	}
}

func TestStartReportsWhatFails(t *testing.T) {
	binary, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"echo out of order >&2":                             "out of order",
		"/nonexistent/server":                               "nonexistent",
		"env " + self + "='503 Busy' " + binary + " {addr}": "status 503",
	} {
		server, err := start(t, command, "")
		if err == nil {
			t.Errorf("%s: started", command)
			server.Stop()
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", command, err, want)
		}
	}
}
