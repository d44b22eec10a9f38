package contract

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Page is what Template renders. A fresh value is to be made for each request, by NewPage.
type Page struct {
	Title string
	Rows  []Row
}

// Row is one line of the table in the page.
type Row struct {
	ID    int
	Name  string
	Price string
}

// PageRows is the number of rows.
const PageRows = 20

// NewPage makes the data of the page, as a handler would from a database. Some of the names need
// escaping; the characters in them are those that all template engines escape in the same way.
func NewPage() Page {
	p := Page{Title: "Stock", Rows: make([]Row, PageRows)}
	for i := range p.Rows {
		p.Rows[i] = Row{ID: 1000 + i, Name: names[i%len(names)], Price: prices[i%len(prices)]}
	}
	return p
}

var (
	names = [...]string{"bolts & nuts", "washers", "wire <2 mm>", "hinges",
		"a long name, as some articles have it"}
	prices = [...]string{"1.25", "17.00", "3.99"}
)

// The page in the two languages that the contenders render. Only white space may differ between
// their results.
const (
	pageHead = "<!doctype html>\n<html><head><title>%[1]s</title></head>\n<body><h1>%[1]s</h1>\n" +
		"<table>\n"
	pageRow  = "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n"
	pageFoot = "</table>\n</body></html>\n"
)

// GoTemplate is the page for html/template.
func GoTemplate() string {
	return fmt.Sprintf(pageHead, "{{.Title}}") + "{{range .Rows}}" +
		fmt.Sprintf(pageRow, "{{.ID}}", "{{.Name}}", "{{.Price}}") + "{{end}}" + pageFoot
}

// Mustache is the page in mustache(5).
func Mustache() string {
	return fmt.Sprintf(pageHead, "{{Title}}") + "{{#Rows}}\n" +
		fmt.Sprintf(pageRow, "{{ID}}", "{{Name}}", "{{Price}}") + "{{/Rows}}\n" + pageFoot
}

// renderedPage is the right answer.
func renderedPage() string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	p := NewPage()
	var b strings.Builder
	fmt.Fprintf(&b, pageHead, p.Title)
	for _, row := range p.Rows {
		fmt.Fprintf(&b, pageRow, fmt.Sprint(row.ID), escape(row.Name), escape(row.Price))
	}
	b.WriteString(pageFoot)
	return b.String()
}

// StockJSON is NewPage as JSON.
func StockJSON() string {
	encoded, err := json.Marshal(NewPage())
	if err != nil {
		panic(err) // of a constant
	}
	return string(encoded)
}
