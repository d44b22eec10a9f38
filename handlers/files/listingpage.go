package files

import (
	_ "embed"
	"io"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/golwan/golwan/router"
	"github.com/golwan/golwan/template"
)

// Listing is what a page that lists a directory is made of: the data of Config.Page. References are
// relative, so a page need not know where it is mounted.
type Listing struct {
	Path    string   // of the directory, with slashes at both ends, as the browser sees it
	Up      bool     // there is a directory above, which is ../
	Crumbs  []Crumb  // the directories on the way to it, the last one being itself
	Columns []Column // by which it can be sorted
	Rows    iter.Seq[Row]
	Empty   bool // there are no rows

	Directories, Files int
	Size               string // of all files together
	More               bool   // the directory has more entries than are shown

	Readme     string // the text of its README, "" if there is none
	ReadmeName string
}

// Crumb is a directory on the way from the root of the tree.
type Crumb struct {
	Name string
	Href string // "": the page itself
}

// Column is a column of the table, with the reference to the page that is sorted by it.
type Column struct {
	Name    string // as in the query: name, size, time
	Label   string
	Href    string
	Sorted  string // as aria-sort has it: ascending, descending or none
	Ascends bool   // the page is sorted by it, upwards
	Falls   bool   // or downwards
}

// Row is a file or directory.
type Row struct {
	Name     string // with a slash behind that of a directory
	Href     string
	Icon     string // folder, image, audio, video, archive, text or file
	Dir      bool
	Size     string // for people; "" for a directory
	Bytes    int64
	Time     string // when it was last modified, UTC: 2006-01-02 15:04; "" if that is not known
	TimeHTML string // the same as RFC 3339 has it, for the attribute datetime
}

//go:embed listing.mustache
var listingSource string

// builtinPage is the page that Config.Page replaces.
var builtinPage = template.Must(template.Compile[Listing]("listing", listingSource, template.Set{}))

// writeListing writes a listing to w as it is rendered.
func (s *site) writeListing(w io.Writer, k pageKey) error {
	if k.format == formatJSON {
		return writeJSON(w, s.pathOf(k.of), k)
	}
	page := s.config.Page
	if page == nil {
		page = builtinPage
	}
	return page.Render(w, s.view(k))
}

// pathOf is the path of a directory as clients see it.
func (s *site) pathOf(d *directory) string {
	p := strings.TrimSuffix(s.prefix, "/") + "/"
	if d.name != "." {
		p += d.name + "/"
	}
	return strings.ToValidUTF8(p, "\uFFFD")
}

func (s *site) view(k pageKey) Listing {
	d := k.of
	l := Listing{
		Path: s.pathOf(d), Up: d.name != ".", Crumbs: s.crumbs(d), Columns: columns(k.order),
		Rows: d.view(k.order), Empty: len(d.rows) == 0, More: d.more, Readme: d.readme.text,
		ReadmeName: d.readme.name,
	}
	var total int64
	for i := range d.rows {
		if d.rows[i].dir {
			l.Directories++
		} else {
			l.Files++
			total += d.rows[i].size
		}
	}
	l.Size = humanSize(total)
	return l
}

// crumbs are the way to a directory, from the root of the tree.
func (s *site) crumbs(d *directory) []Crumb {
	root := path.Base(s.prefix)
	if s.prefix == "" || s.prefix == "/" {
		root = "home"
	}
	if d.name == "." {
		return []Crumb{{Name: root}}
	}
	segments := strings.Split(d.name, "/")
	list := []Crumb{{root, strings.Repeat("../", len(segments))}}
	for i, segment := range segments {
		list = append(list,
			Crumb{strings.ToValidUTF8(segment, "\uFFFD"), strings.Repeat("../", len(segments)-1-i)})
	}
	return list
}

// columns are the table's, with references that turn the order of the column by which it is sorted.
func columns(now order) (list []Column) {
	for i, label := range []string{"Name", "Size", "Modified"} {
		col := order(2 * i)
		c := Column{Name: columnNames[i], Label: label, Href: col.query(), Sorted: "none"}
		switch now {
		case col:
			c.Sorted, c.Ascends, c.Href = "ascending", true, (col | descending).query()
		case col | descending:
			c.Sorted, c.Falls = "descending", true
		}
		list = append(list, c)
	}
	return list
}

// view yields the rows in some order.
func (d *directory) view(o order) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, i := range d.sorted(o) {
			if !yield(d.rows[i].view()) {
				return
			}
		}
	}
}

func (r *row) view() Row {
	v := Row{
		Name: strings.ToValidUTF8(r.name, "\uFFFD"), Href: r.href(),
		Icon: iconOf(r), Dir: r.dir, Bytes: r.size,
	}
	if r.dir {
		v.Name += "/"
	} else {
		v.Size = humanSize(r.size)
	}
	if r.modified != 0 {
		t := time.Unix(r.modified, 0).UTC()
		v.Time, v.TimeHTML = t.Format("2006-01-02 15:04"), t.Format(time.RFC3339)
	}
	return v
}

// href is the reference to the row from its directory. "./" keeps a colon in a name from making a
// scheme of it.
func (r *row) href() string {
	href := router.Escape(r.name)
	if strings.Contains(href, ":") {
		href = "./" + href
	}
	if r.dir {
		href += "/"
	}
	return href
}
