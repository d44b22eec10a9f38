package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/golwan/golwan/examples/chat/rooms"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/natsbroker"
)

// TestChat: what is said to one process is heard at the other.
func TestChat(t *testing.T) {
	nats, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(),
		NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	go nats.Start()
	defer func() {
		nats.Shutdown()
		nats.WaitForShutdown()
	}()
	if !nats.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	process := func() string {
		conn, err := natsbroker.Connect(nats.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		broker, err := natsbroker.New(t.Context(), natsbroker.Config{Conn: conn})
		if err != nil {
			t.Fatal(err)
		}
		srv := new(lwan.Server)
		rooms.Handle(srv, broker)
		h, err := srv.Build()
		if err != nil {
			t.Fatal(err)
		}
		ts := httptest.NewServer(lwan.ToHTTP(h))
		t.Cleanup(func() {
			ts.CloseClientConnections()
			ts.Close()
			broker.Close()
			conn.Close()
		})
		return ts.URL
	}
	here, there := process(), process()
	heard, err := http.Get(here + "/rooms/lobby/events")
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Body.Close()
	said := `{"who":"ann","text":"hello"}`
	resp, err := http.Post(there+"/rooms/lobby", "application/json", strings.NewReader(said))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 202 {
		t.Fatal(resp.Status)
	}
	for in := bufio.NewScanner(heard.Body); in.Scan(); {
		if in.Text() == "data: "+said {
			return
		}
	}
	t.Error("nothing is heard")
}
