package main

import (
	"math"
	"mime/multipart"
	"slices"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/template"
)

// layout is what each page has.
type layout struct {
	Title, User string
	Errors      map[string]string // by the form's fields
}

type indexPage struct {
	layout
	Form    entryForm
	States  []choice
	Entries []Entry
	Older   string // link to the next page; "": there is none
	Event   int64  // the last one that the page knows
}

type signInPage struct {
	layout
	Name string
}

type choice struct {
	Value  string
	Chosen bool
}

// Templates are checked against these types when the program starts.
var (
	pieces = template.Set{FS: web, Ext: ".html", Formats: template.English()}
	pages  = template.Set{FS: web, Ext: ".html", Formats: pieces.Formats, Layout: "web/layout"}

	indexView  = template.Must(template.Load[indexPage](pages, "web/index"))
	signInView = template.Must(template.Load[signInPage](pages, "web/signin"))
	entryView  = template.Must(template.Load[Entry](pieces, "web/entry"))
)

func (b *board) showSignIn(
	resp *lwan.Response, st lwan.Status, form account, err error,
) lwan.Status {
	if err != nil && lwan.FieldErrors(err) == nil {
		return resp.Fail(err) // the form could not be read at all
	}
	return resp.Render(st, signInView.With(signInPage{
		layout{Title: "Sign in", Errors: lwan.FieldErrors(err)}, form.User,
	}))
}

// pageQuery is which entries are shown, in pages and in the API.
type pageQuery struct {
	Before int64 `query:"before"`
	Size   int   `query:"size" default:"20"`
}

func (q *pageQuery) Validate() error {
	if q.Before <= 0 {
		q.Before = math.MaxInt64
	}
	if q.Size < 1 || q.Size > 100 {
		return &lwan.Error{Status: 400, Fields: map[string]string{"size": "must be 1 to 100"}}
	}
	return nil
}

func (b *board) index(req *lwan.Request, resp *lwan.Response) lwan.Status {
	return b.showIndex(req, resp, 200, entryForm{State: states[0]}, nil)
}

// showIndex shows the board, with a form and what is wrong with it.
func (b *board) showIndex(
	req *lwan.Request, resp *lwan.Response, st lwan.Status, form entryForm, wrong map[string]string,
) lwan.Status {
	page := indexPage{layout: layout{"Board", user(req), wrong}, Form: form}
	for _, s := range states {
		page.States = append(page.States, choice{s, s == form.State})
	}
	var err error
	if page.Event, err = b.store.lastEvent(req.Context()); err != nil {
		return resp.Fail(err)
	}
	if page.Entries, page.Older, err = b.page(req); err != nil {
		return resp.Fail(err)
	}
	return resp.Render(st, indexView.With(page))
}

// entryForm is what somebody posts.
type entryForm struct {
	Text  string                  `form:"text,required"`
	State string                  `form:"state" default:"working"`
	Due   time.Time               `form:"due" layout:"2006-01-02"`
	Files []*multipart.FileHeader `form:"file"`
}

func (f entryForm) Validate() error { return checkEntry(f.Text, f.State) }

// checkEntry is for the form and for the API.
func checkEntry(text, state string) error {
	wrong := map[string]string{}
	if strings.TrimSpace(text) == "" || len(text) > 2000 {
		wrong["text"] = "must have 1 to 2000 bytes"
	}
	if !slices.Contains(states, state) {
		wrong["state"] = "must be one of " + strings.Join(states, ", ")
	}
	if len(wrong) > 0 {
		return &lwan.Error{Status: 422, Message: "the entry has mistakes", Fields: wrong}
	}
	return nil
}

func (b *board) post(req *lwan.Request, resp *lwan.Response) lwan.Status {
	form, err := lwan.FormAs[entryForm](req)
	if wrong := lwan.FieldErrors(err); wrong != nil {
		return b.showIndex(req, resp, 422, form, wrong)
	}
	if err != nil {
		return resp.Fail(err)
	}
	e := Entry{
		Author: user(req), Text: form.Text, State: form.State, Due: form.Due,
		Made: time.Now().UTC(), Files: attached(form.Files),
	}
	if err := b.live.change(b, &e, func() (int64, error) {
		return b.store.add(req.Context(), &e, func(i int, id int64) error {
			return b.keep(id, form.Files[i])
		})
	}); err != nil {
		return resp.Fail(err)
	}
	return resp.Redirect(303, "/")
}
