package main

import (
	"strconv"

	"github.com/golwan/golwan/lwan"
)

// page is the entries that the query asks for, and a link to those behind them.
func (b *board) page(req *lwan.Request) (list []Entry, older string, err error) {
	q, err := lwan.QueryAs[pageQuery](req)
	if err != nil {
		return nil, "", err
	}
	list, err = b.store.before(req.Context(), q.Before, q.Size+1)
	if err != nil || len(list) <= q.Size {
		return list, "", err
	}
	list = list[:q.Size]
	return list, req.QueryWith("before", strconv.FormatInt(list[q.Size-1].ID, 10)), nil
}

func (b *board) list(req *lwan.Request, resp *lwan.Response) lwan.Status {
	list, older, err := b.page(req)
	if err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(200, struct {
		Entries []Entry `json:"entries"`
		Older   string  `json:"older,omitempty"`
	}{list, older})
}

func (b *board) find(req *lwan.Request) (e Entry, err error) {
	id, err := lwan.Param[int64](req, "id")
	if err != nil {
		return e, err
	}
	return b.store.entry(req.Context(), id)
}

func (b *board) show(req *lwan.Request, resp *lwan.Response) lwan.Status {
	e, err := b.find(req)
	if err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(200, e)
}

// change takes what the body names, and leaves the rest.
func (b *board) change(req *lwan.Request, resp *lwan.Response) lwan.Status {
	e, err := b.find(req)
	if err != nil {
		return resp.Fail(err)
	}
	if e.Author != user(req) {
		return resp.Error(403, "it is not yours")
	}
	patch, err := lwan.ReadJSON[struct {
		Text  *string `json:"text"`
		State *string `json:"state"`
	}](req)
	if err != nil {
		return resp.Fail(err)
	}
	if patch.Text != nil {
		e.Text = *patch.Text
	}
	if patch.State != nil {
		e.State = *patch.State
	}
	if err := checkEntry(e.Text, e.State); err != nil {
		return resp.Fail(err)
	}
	if err := b.live.change(&e, func() error {
		return b.store.update(req.Context(), &e)
	}); err != nil {
		return resp.Fail(err)
	}
	return resp.JSON(200, e)
}
