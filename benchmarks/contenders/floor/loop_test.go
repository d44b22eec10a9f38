package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// start runs a loop on a free port until the process ends: loops have no other end.
func start(t *testing.T, last bool) string {
	t.Helper()
	fd, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLoop(fd, last)
	if err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	go func() { panic(l.run()) }()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		uint16(at.(*unix.SockaddrInet4).Port)).String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func expectAnswer(t *testing.T, r *bufio.Reader) {
	t.Helper()
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	err = contract.Requests(contract.Hello)[0].Check(response.StatusCode, response.Header, body)
	if err != nil {
		t.Error(err)
	}
}

func TestServesPipelinedRequestsCutAnywhere(t *testing.T) {
	conn := dial(t, start(t, false))
	r := bufio.NewReader(conn)
	stream := strings.Repeat("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 150)
	for _, size := range []int{1, 7, 27, 1000, len(stream)} {
		for rest := stream; rest != ""; {
			n := min(size, len(rest))
			if _, err := io.WriteString(conn, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		for range 150 {
			expectAnswer(t, r)
		}
	}
}

func TestClosesAfterTheAnswer(t *testing.T) {
	conn := dial(t, start(t, true))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	expectAnswer(t, r)
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the answer: %v, want EOF", err)
	}
}

// TestAnswersARequestThatComesWithItsEnd covers the edge that brings data and the client's FIN
// together.
func TestAnswersARequestThatComesWithItsEnd(t *testing.T) {
	conn := dial(t, start(t, false)).(*net.TCPConn)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	expectAnswer(t, r)
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the answer: %v, want EOF", err)
	}
}

func TestServeAllocatesNothing(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	fd, err := listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	l, err := newLoop(fd, false)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l.epoll)
	request, answer := []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), make([]byte, 1024)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := unix.Write(pair[1], request); err != nil {
			t.Fatal(err)
		}
		l.serve(pair[0], unix.EPOLLIN)
		if n, err := unix.Read(pair[1], answer); err != nil || n != l.answer.one {
			t.Fatalf("answer of %d bytes, %v", n, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a request", allocs)
	}
}
