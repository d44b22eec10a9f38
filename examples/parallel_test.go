package examples_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// parallelPage fetches 100 answers at once while it listens to events and talks over a WebSocket.
const parallelPage = `<!doctype html><title>all at once</title><script>
const log = {fetched: 0, bytes: 0, wrong: 0, events: 0, echoes: 0, protocols: {}};
const source = new EventSource("/events");
source.onmessage = m => { if (m.data === "tick " + log.events) log.events++; };
const socket = new WebSocket(location.origin.replace("https", "wss") + "/echo");
socket.onopen = () => socket.send("0");
socket.onmessage = m => {
	if (m.data !== String(log.echoes)) return;
	if (++log.echoes < 50) socket.send(String(log.echoes));
};
for (let i = 0; i < 100; i++) {
	fetch("/answer/" + i, {method: i % 2 ? "POST" : "GET", body: i % 2 ? "b".repeat(i * 100) : null})
		.then(r => r.text()).then(text => {
			log.fetched++;
			log.bytes += text.length;
			const want = "answer " + i + " " + (i % 2 ? i * 100 : 0) + " ";
			if (!text.startsWith(want) || text.length !== want.length + 20000) log.wrong++;
		}, () => log.wrong++);
}
function state() {
	for (const e of performance.getEntriesByType("resource")) {
		if (e.name.includes("/answer/")) log.protocols[e.nextHopProtocol] = true;
	}
	return JSON.stringify(log);
}
</script>`

// TestBrowserAllAtOnce: a browser that opens 100 fetches, an EventSource and a WebSocket at once
// gets all of them, over one connection of HTTP/2 for the most part.
func TestBrowserAllAtOnce(t *testing.T) {
	secure := httptest.NewUnstartedServer(nil) // for its certificate
	secure.StartTLS()
	secure.Close()

	srv := &lwan.Server{Log: slog.New(slog.DiscardHandler), Endpoints: []lwan.Endpoint{{
		Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: secure.TLS.Certificates},
	}}}
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "text/html; charset=utf-8", []byte(parallelPage))
	})
	filling := strings.Repeat("x", 20000)
	srv.Handle("/answer/{n}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		body, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, fmt.Sprint("answer ", req.Param("n"), " ", len(body), " ", filling))
	})
	srv.Handle("GET /events", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		events := resp.Events()
		for n := range 50 {
			if err := events.Send(lwan.Event{Data: fmt.Sprint("tick ", n)}); err != nil {
				return resp.Fail(err)
			}
		}
		return resp.Fail(req.Sleep(time.Hour)) // until the browser leaves
	})
	srv.Handle("GET /echo", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Converse(nil, &lwan.Conversation{Message: func(m *lwan.Message) error {
			return m.Reply(m.Kind(), m.Bytes())
		}})
	})
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	t.Cleanup(func() {
		if err := errors.Join(srv.Shutdown(context.Background()), <-ended); err != nil {
			t.Error(err)
		}
	})
	<-srv.Ready()

	b := browse(t, "https://"+srv.Addrs()[0].String()+"/", "--ignore-certificate-errors")
	b.until("log.fetched + log.wrong >= 100 && log.events >= 50 && log.echoes >= 50")
	var got struct {
		Fetched, Bytes, Wrong, Events, Echoes int
		Protocols                             map[string]bool
	}
	var text string
	err := json.Unmarshal([]byte(b.run("state()")), &text)
	if err = errors.Join(err, json.Unmarshal([]byte(text), &got)); err != nil {
		t.Fatal(err)
	}
	if got.Fetched != 100 || got.Wrong != 0 || got.Events != 50 || got.Echoes != 50 {
		t.Errorf("%+v", got)
	}
	if !got.Protocols["h2"] {
		t.Error("the answers came by ", got.Protocols)
	}
	t.Logf("%+v", got)
}
