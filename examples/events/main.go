// Events shows a live clock and the server's own counters in every open page, with server-sent
// events of one topic.
//
//	go run ./examples/events -addr :8080
package main

import (
	"context"
	_ "embed"
	"flag"
	"log"
	"time"

	"github.com/golwan/golwan/lwan"
)

//go:embed page.html
var page []byte

// ticks is heard by any number of clients. A client that was away for less than Replay events
// misses none: EventSource comes back with the ID of the last one that it saw.
var ticks = lwan.Topic{Replay: 240}

type tick struct {
	Time     string `json:"time"`
	Requests int64  `json:"requests"`
	Idle     int64  `json:"idle"`
	Watching int64  `json:"watching"`
	Sent     int64  `json:"sent"` // bytes
}

// publish makes one event of a tick, which all clients share.
func publish(now time.Time, s lwan.Stats) error {
	ev, err := lwan.JSONEvent("tick", tick{
		Time: now.Format(time.TimeOnly), Requests: s.Requests, Idle: s.Conns.Idle,
		Watching: s.Conns.Subscribed, Sent: s.BytesOut,
	})
	if err != nil {
		return err
	}
	ticks.Publish(ev)
	return nil
}

func main() {
	srv := new(lwan.Server)
	flag.StringVar(&srv.Addr, "addr", ":8080", "where to listen")
	flag.IntVar(&srv.Loops, "loops", 0, "event loops; 0: one per CPU")
	every := flag.Duration("every", 250*time.Millisecond, "pause between two events")
	flag.Parse()

	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "text/html; charset=utf-8", page)
	})
	srv.Handle("GET /ticks", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return ticks.Subscribe(resp, lwan.Subscription{Gap: []lwan.Event{{Name: "gap"}}})
	})
	srv.Go(func(ctx context.Context) error {
		ticker := time.NewTicker(*every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case now := <-ticker.C:
				if err := publish(now, srv.Stats()); err != nil {
					return err
				}
			}
		}
	})
	if err := lwan.Run(srv); err != nil {
		log.Fatal(err)
	}
}
