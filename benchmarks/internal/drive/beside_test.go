package drive

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func TestReadSlowly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 16<<20)) // more than kernels keep
	}))
	defer server.Close()
	s, err := ReadSlowly(server.Listener.Addr().String(), contract.Requests(contract.Hello)[0], 3)
	if err != nil {
		t.Fatal(err)
	}
	for s.bytes.Load() < 3*slowBite { // all of them, or one three times
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := s.bytes.Load(); n > 1<<20 {
		t.Errorf("%d bytes were read", n)
	}
	s, err = ReadSlowly(script(t, hello), contract.Requests(contract.Hello)[0], 2)
	if err != nil {
		t.Fatal(err)
	}
	for s.lost.Load() < 2 {
	}
	if err := s.Close(); err == nil {
		t.Error("no error from a server that closes")
	}
}

func TestRepeat(t *testing.T) {
	s := serve(t)
	r, err := Repeat(s.Listener.Addr().String(), contract.Requests(contract.Hello)[0], 10)
	if err != nil {
		t.Fatal(err)
	}
	for s.requests.Load() < 100 { // they go on
	}
	if err := r.Close(); err != nil || s.conns.Load() != 10 {
		t.Errorf("%v, %d connections", err, s.conns.Load())
	}
	for _, answer := range []string{
		"", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n",
	} {
		_, err := Repeat(script(t, answer), contract.Requests(contract.Hello)[0], 2)
		if err == nil {
			t.Errorf("%q: no error", answer)
		}
	}
}
