package conf

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/golwan/golwan/lwan/lwantest"
)

// TestProxyProtocol: who the header announces is the client, for conditions, and whoever has to
// send one and does not is not answered.
func TestProxyProtocol(t *testing.T) {
	c, err := LoadText("x.conf", "listener 127.0.0.1:0 {\n    proxy_protocol = 127.0.0.0/8\n}\n"+
		"site {\n    if remote == 192.0.2.7 {\n        response / { code = 204 }\n    }\n}\n",
		Standard(), Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	lwantest.Start(t, srv.Server)
	addr := srv.Addrs()[0].String()
	for head, want := range map[string]int{
		"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n": 204,
		"PROXY TCP4 192.0.2.8 192.0.2.1 1234 80\r\n": 404,
		"": 0,
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%sGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", head)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		got := 0
		if err == nil {
			got = answer.StatusCode
		}
		if got != want {
			t.Errorf("%q: %d, want %d: %v", head, got, want, err)
		}
		conn.Close()
	}
}
