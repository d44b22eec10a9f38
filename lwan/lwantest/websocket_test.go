package lwantest

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/lwan"
)

// echo sends messages back, and "bye" in answer to "leave".
func echo(req *lwan.Request, resp *lwan.Response) lwan.Status {
	ws, err := resp.WebSocket(&lwan.WebSocketConfig{Subprotocols: []string{"echo"}})
	if err != nil {
		return resp.Fail(err)
	}
	for {
		kind, msg, err := ws.Receive()
		if err != nil {
			return resp.Fail(err)
		}
		if string(msg) == "leave" {
			return 200
		}
		if err := ws.Send(kind, msg); err != nil {
			return resp.Fail(err)
		}
	}
}

func TestWebSocket(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Sec-WebSocket-Protocol", "echo")
	s := WebSocket(t, echo, r)
	if s.Subprotocol != "echo" {
		t.Errorf("subprotocol %q", s.Subprotocol)
	}
	messages := []string{"Hello", "", strings.Repeat("x", 100_000)}
	for _, m := range messages { // nothing waits for the other side
		if err := s.SendText(m); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range messages {
		if kind, got, err := s.Receive(); kind != lwan.TextMessage || got != m || err != nil {
			t.Errorf("%d %.20q %v", kind, got, err)
		}
	}
	if err := s.Close(4000, "enough"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Receive(); !isClose(err, 4000) {
		t.Errorf("%v", err)
	}
	if got := s.Result(); got.Status != 101 || !isClose(got.Err, 4000) {
		t.Errorf("%+v", got)
	}
}

func isClose(err error, code int) bool {
	end, ok := errors.AsType[*lwan.CloseError](err)
	return ok && end.Code == code
}

func TestWebSocketHandlerEnds(t *testing.T) {
	s := WebSocket(t, echo, httptest.NewRequest("GET", "/", nil))
	if err := s.SendText("leave"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Receive(); !isClose(err, 1000) {
		t.Errorf("%v", err)
	}
	if got := s.Result(); got.Status != 101 || got.Err != nil {
		t.Errorf("%+v", got)
	}
}

func TestWebSocketLeave(t *testing.T) {
	s := WebSocket(t, echo, httptest.NewRequest("GET", "/", nil))
	s.Leave()
	if got := s.Result(); got.Err != lwan.ErrGone {
		t.Errorf("%+v", got)
	}
	if _, _, err := s.Receive(); err != lwan.ErrGone {
		t.Errorf("%v", err)
	}
}

func TestWebSocketRefused(t *testing.T) {
	mustFail(t, func(t testing.TB) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", "https://evil.example")
		WebSocket(t, echo, r)
	}, "the handshake was answered with 403")
}

// TestWebSocketBubble: a day of pings takes no time.
func TestWebSocketBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := WebSocket(t, echo, httptest.NewRequest("GET", "/", nil))
		time.Sleep(24 * time.Hour)
		if err := s.SendText("still there"); err != nil {
			t.Fatal(err)
		}
		if _, got, err := s.Receive(); got != "still there" || err != nil {
			t.Errorf("%q %v", got, err)
		}
	})
}
