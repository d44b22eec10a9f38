// Package template renders mustache templates that are checked against a Go
// type: a misspelt name is an error when the program starts, not an empty place
// in a page.
//
//	type Home struct {
//		Title   string
//		Entries []Entry
//	}
//
//	var home = template.Must(template.Load[Home](set, "home"))
//
//	err := home.Render(w, Home{Title: "Hello"})
//	page := home.With(Home{Title: "Hello"}) // with ContentType and RenderTo
//
// A wrong tag is named with its file and line:
//
//	home:3: {{Titel}}: no "Titel" in main.Home; did you mean "Title"?
//
// # Tags
//
// The language is that of mustache(5): {{name}} prints a value, escaped for
// HTML; {{{name}}} and {{&name}} print it as it is; {{#name}}...{{/name}} is a
// section, {{^name}}...{{/name}} one for what is empty; {{>name}} includes a
// partial; {{!...}} is a comment; {{=<% %>=}} sets other delimiters.
//
// # Names
//
// A name is an exported field, by its Go name or by its tag mustache:"name"
// (then by that alone; "-" hides it), or an exported method without arguments
// that returns one value, or one and an error. Fields of embedded structs, and
// methods with a pointer receiver, are found as in Go. In a map with string
// keys a name is a key, unless the map's type has such a method.
//
// Inside a section a name is first looked up in the value of the section, then
// in the one around it, and so on up to the data of the page. Only the first
// part of a dotted name is; {{a.b}} is b of a and nothing else. {{.}} is the
// value itself.
//
// What cannot be known is not checked: the keys of maps, and what a value of
// type any holds. Inside the section of a map or an any, any name may be its
// own, so none is refused there. An interface with methods shows these methods.
// If T itself is any, or a map with string keys, the template is untyped: names
// and partials that are not there render as nothing, as the specification has
// it.
//
// # Values
//
// Strings, []byte (as text), numbers and bools are printed as they are, floats
// without an exponent between 1e-6 and 1e21; what has a method Error or String
// by that. nil, of any kind, prints nothing. A struct, list or map is not
// printed: that does not compile, or is an error where the type was not known.
// A function without arguments stands for its result.
//
// A section is rendered once for each element of a slice or array, and once for
// any other value that is not empty. Empty are nil, false, zero, "", a list
// without elements, and a struct whose method IsZero says so (time.Time). Other
// structs are not, nor are maps that are not nil.
//
// # Formats
//
// A bar after a name, with blanks around it, gives the value to a function of
// Set.Formats, and what is behind the function's name to that as well:
//
//	{{Born | date}}   {{Born | date 2006-01-02}}   {{Count | plural entry entries}}
//
//	set := template.Set{FS: files, Formats: template.English()}
//	set.Formats["price"] = func(cents int64) string { ... }
//
// A format is a function of the value, or of the value and a string, that
// returns a string, perhaps with an error. Whether the value's type fits is
// checked when the template is compiled. What it returns is escaped as a value
// is. Nil prints nothing, and calls nothing. A section has no format, and there
// is one for each tag. Formats, as lambdas and methods, are called by whoever
// renders, so by many goroutines at the same time, and may wait if these may.
//
// English has date, time, number, bytes and plural; a page in another language
// has formats of its own, of the same names if it likes: NumberFormat makes
// one, and plural forms are a function.
//
// # Sequences
//
// A field or method of type iter.Seq[E] is a section that is rendered while it
// is produced; its elements are not collected. A sequence that waits, for rows
// of a database perhaps, waits inside Render. iter.Seq2[E, error] gives elements
// until an error, which ends the rendering and is returned; of any other
// iter.Seq2 the elements have the names Key and Value. Whether a sequence is
// empty is known after it has run: {{^name}} must come after {{#name}}, in the
// same section.
//
// # Partials and layouts
//
// Partials are read and compiled together with the page, for the context of
// each tag, so a mistake in a partial is found with the type that it is used
// with. A partial alone on its line is indented as far as its tag; its empty
// lines are not.
//
// A partial may include itself, for data like a tree, if it does so inside a
// section that moves to other data. Otherwise no data could ever end it, and
// Compile returns ErrCycle. Data that points back at itself ends with ErrDepth.
//
// A layout includes the page as {{> content}}. Embedding a struct is how pages
// share what their layout needs:
//
//	type Layout struct{ Title string }
//	type Home struct { Layout; Entries []Entry }
//
// A partial that is alone on its line indents the page too; in a layout for
// pages with <pre> or <textarea>, {{> content}} belongs at the start of a line.
//
// # Lambdas
//
// A function or method of the form of mustache.LambdaFunc,
//
//	func(text string, render func(string) (string, error)) (string, error)
//
// is a lambda: a section of its name gives it the text of the section, and
// prints what it returns, unescaped. render renders that text, or another, in
// the place of the section. Other text is checked in the same way when it is
// rendered; it can include no partial that the template itself does not, and
// nothing is read for it. Text that is given to render is a template: never
// build it from what users wrote. render must be called by the goroutine of the
// lambda, and not after it has returned.
//
// # Escaping
//
// The characters & < > " ' are replaced, and NUL, which makes a value safe in
// text and in attributes between quotes of either kind. Nothing more is known
// of the place of a tag: a value is not safe as an attribute without quotes, in
// a script or style, or as a whole URL, where javascript: is a scheme.
// html/template knows these places. User text is never parsed as a template.
// With Set.Text nothing is escaped, in partials neither.
//
// # Errors
//
// Compile and Load report all wrong tags at once. Render returns an *Error with
// the name and line of a tag if its data fails: a method that returns an error
// or panics, a sequence that does, or a value of unknown type that cannot be
// printed. An error of the writer is returned as it is, and a panic of the
// writer goes on. Output is held back up to 32 KiB, so a page smaller than that
// is written in one piece or not at all.
//
// # Lifetimes and concurrency
//
// A Template is safe for any number of goroutines, and has no end. A Page keeps
// its data. Data is only read, but by the goroutine that renders: what others
// write meanwhile needs a lock or a copy. Methods run inside Render, and may
// wait if the caller may.
//
// With Set.Reload each rendering first reads the files of the template and
// compiles it again if they differ. What does not compile is reported to
// Set.ReloadError, and the last good state is rendered.
//
// # Cost
//
// Lookups are compiled to field indexes. A rendering allocates nothing of its
// own; a call of a method allocates three times, an element of a sequence
// twice, With once. BenchmarkRender, a listing of 1,000 entries, takes 0.16 of the
// time of the mustache library and 0.04 of that of html/template, which knows the
// places of tags.
//
// # The mustache library
//
// Of github.com/cbroglie/mustache this package uses types and nothing that runs:
// the kinds of tags, the error codes (errors.As finds its ParseError) and the
// types of lambdas, so that code written for the library keeps working. Parsing,
// compiling and rendering are done here, since the tree of tags that the library
// exports has names alone, without text, lines, {{{ }}} or indentation. In the
// tests the library is the judge: every reading and rendering is compared with
// it. Where the two differ:
//
//   - nil prints nothing here, <nil> there
//   - a double quote is &quot; here, as the specification's suites have it
//   - the lines of errors are exact here
//   - partials are parsed once, and only a partial alone on its line is indented
//   - blanks in a section's string do not make it empty here, nor does a struct
//     whose fields are all zero
//   - delimiters may be apart by several blanks here, and contain the closing
//     one that is given up
//   - names with blanks or empty parts are errors here
//
// # Limits and gaps
//
// The suites comments, delimiters, interpolation, inverted, partials and
// sections of the specification pass completely, untyped and with types. Of the
// optional ones, lambdas pass but for two cases: the result of a function in a
// variable tag is data and is not parsed. Inheritance ({{<a}}, {{$b}}) and
// dynamic names ({{>*a}}) are not supported, and are errors.
//
// Sections nest up to 200 deep in a template, partials 1,000 deep in rendering, lambdas 32 deep. A
// program can be stopped by no template that compiles except one that multiplies: sections of long
// lists inside each other. Templates are code; do not take them from users.
package template
