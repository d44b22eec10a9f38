package main

import (
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

// pageQuery is which entries are shown, in pages and in the API.
type pageQuery struct {
	Before int64 `query:"before" default:"9223372036854775807"`
	Size   int   `query:"size" default:"20"`
}

func (q pageQuery) Validate() error {
	var c lwan.Checks
	c.That("size", q.Size >= 1 && q.Size <= 100, "must be 1 to 100")
	return c.Err()
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
	var c lwan.Checks
	c.That("text", strings.TrimSpace(text) != "" && len(text) <= 2000, "must have 1 to 2000 bytes")
	c.That("state", slices.Contains(states, state), "must be one of "+strings.Join(states, ", "))
	return c.Err()
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
	if err := b.live.change(&e, func() error {
		return b.store.add(req.Context(), &e, func(i int, id int64) error {
			return lwan.SaveFile(form.Files[i], b.files, fileName(id))
		})
	}); err != nil {
		return resp.Fail(err)
	}
	return resp.Redirect(303, "/")
}
