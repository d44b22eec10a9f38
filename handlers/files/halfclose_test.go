package files

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// A client that has closed its side behind its request gets its answer, also when the file has to
// be looked up, listed or compressed first; so it does from lwan.Cached.
func TestHalfClosedClientIsAnswered(t *testing.T) {
	srv := &lwan.Server{Loops: 1}
	dir := writeTree(t, map[string]string{
		"a.txt": strings.Repeat("hello ", 1000), "list/b.txt": "b", "list/c.txt": "c",
	})
	srv.Mount("/", Module.With(Config{Dir: dir, List: true}))
	addr := lwantest.Start(t, srv).Addrs()[0].String()
	for _, c := range []struct {
		path, field string
		status      int
	}{
		{"/a.txt", "", 200}, {"/list/", "", 200}, {"/none", "", 404},
		{"/a.txt", "Accept-Encoding: gzip\r\n", 200},
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request := "GET " + c.path + " HTTP/1.1\r\nHost: x\r\n" + c.field + "\r\n"
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != c.status || len(body) == 0 || err != nil {
			t.Errorf("%s %s: %d, %d bytes, %v", c.path, c.field, resp.StatusCode, len(body), err)
		}
	}
}
