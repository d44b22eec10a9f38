// Package rooms is the chat: what one visitor of a room says, all see. A room is a topic, made when
// needed.
package rooms

import (
	_ "embed"
	"strconv"

	"github.com/golwan/golwan/lwan"
)

//go:embed page.html
var page []byte

// rooms forgets a room that was empty for an hour, with all that was said in it: a visitor who
// comes back before that misses nothing.
type rooms struct{ lwan.Topics }

// Handle registers the chat's routes. With a broker the rooms are those of all processes that have
// it; nil: of this one.
func Handle(srv *lwan.Server, broker lwan.Broker) {
	r := &rooms{lwan.Topics{
		New:    func(string) *lwan.Topic { return &lwan.Topic{Replay: 100} },
		Broker: broker,
	}}
	srv.Handle("GET /{$}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Data(200, "text/html; charset=utf-8", page)
	})
	room := srv.Group("/rooms/{room}", lwan.WithLimits(lwan.Limits{Body: 16 << 10}))
	if broker != nil {
		room = room.Group("", lwan.Blocking) // a broker is waited for
	}
	room.Handle("GET /events", r.listen)
	room.Handle("POST ", r.say)
}

// message is what the page sends, and gets from others.
type message struct {
	Who  string `json:"who"`
	Text string `json:"text"`
}

// Validate is called by ReadJSON; the client is told what is wrong.
func (m message) Validate() error {
	wrong := map[string]string{}
	if m.Who == "" || len(m.Who) > 40 {
		wrong["who"] = "1 to 40 bytes"
	}
	if m.Text == "" || len(m.Text) > 2000 {
		wrong["text"] = "1 to 2000 bytes"
	}
	if len(wrong) > 0 {
		return &lwan.Error{Status: lwan.StatusUnprocessable, Fields: wrong}
	}
	return nil
}

func (r *rooms) say(req *lwan.Request, resp *lwan.Response) lwan.Status {
	m, err := lwan.ReadJSON[message](req)
	if err != nil {
		return resp.Fail(err)
	}
	ev, err := lwan.JSONEvent("message", m)
	if err != nil {
		return resp.Fail(err)
	}
	id, err := r.Get(req.Param("room")).Send(ev)
	if err != nil { // the broker's: it may not have been said
		return resp.Fail(&lwan.Error{Status: lwan.StatusUnavailable, Err: err})
	}
	return resp.JSON(202, map[string]string{"id": id})
}

// listen holds nothing but the connection. When a visitor comes or leaves, all get the new count,
// if all are here.
func (r *rooms) listen(req *lwan.Request, resp *lwan.Response) lwan.Status {
	room := r.Get(req.Param("room"))
	if r.Broker != nil {
		return room.Subscribe(resp, lwan.Subscription{})
	}
	count := func(error) { room.Publish(lwan.Event{Name: "here", Data: strconv.Itoa(room.Len())}) }
	defer count(nil) // once Subscribe has counted the new one
	return room.Subscribe(resp, lwan.Subscription{OnEnd: count})
}
