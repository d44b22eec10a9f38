package ecosystem

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/gorilla/websocket"

	"github.com/golwan/golwan/lwan"
)

// echo answers messages until the client closes.
func echo(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	conn, err := up.Upgrade(w, r, http.Header{"X-Echo": {"1"}})
	if err != nil {
		return // it has answered
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}

// TestWebSocket: WebSockets of gorilla's work as with net/http, in middleware as well.
func TestWebSocket(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("/bare", lwan.FromHTTP(http.HandlerFunc(echo)))
	srv.Handle("/logged", lwan.FromHTTP(middleware.Recoverer(http.HandlerFunc(echo))))
	srv.Handle("/within", lwan.FromHTTP(http.HandlerFunc(echo)),
		lwan.FromHTTPMiddleware(middleware.Compress(5)))
	addr, _ := start(t, srv)
	for _, path := range []string{"/bare", "/logged", "/within"} {
		conn, resp, err := websocket.DefaultDialer.Dial("ws://"+addr+path, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if resp.Header.Get("X-Echo") != "1" {
			t.Errorf("%s: %v", path, resp.Header)
		}
		for _, want := range []string{"one", string(make([]byte, 100_000))} {
			if err := conn.WriteMessage(websocket.BinaryMessage, []byte(want)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := conn.ReadMessage(); err != nil || string(got) != want {
				t.Errorf("%s: %d bytes, %v", path, len(got), err)
			}
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{"/bare", "/within"} { // without an upgrade
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}
