package main

import (
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/lwan"
)

// streams registers the streams: one that its handler writes, and one that is a topic's.
func streams(srv *lwan.Server) {
	topic := new(lwan.Topic)
	srv.Handle("GET /events", events)
	srv.Handle("GET /long", long)
	srv.Handle("GET /topic", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		return topic.Subscribe(resp, lwan.Subscription{})
	})
	srv.Handle("POST /publish", func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
		topic.Publish(lwan.Event{Data: contract.EventData})
		return resp.Text(lwan.StatusOK, contract.Published)
	})
}

// long writes as fast as its client reads.
func long(_ *lwan.Request, resp *lwan.Response) lwan.Status {
	resp.SetContentType("application/octet-stream")
	for range contract.LongBytes / contract.LongPiece {
		resp.Write(piece)
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
	}
	return lwan.StatusOK
}

var piece = make([]byte, contract.LongPiece)

// events sends an event at once and then one a minute.
func events(req *lwan.Request, resp *lwan.Response) lwan.Status {
	stream := resp.Events()
	for range req.Every(time.Minute) {
		if err := stream.Send(lwan.Event{Data: contract.EventData}); err != nil {
			return resp.Fail(err)
		}
	}
	return lwan.StatusOK
}
