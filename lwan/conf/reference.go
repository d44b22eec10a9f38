package conf

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// Reference writes all that a configuration can say as a page of Markdown: the settings of each
// section with their types and defaults, as the tags of their structs have them. Help writes the
// same of one section for a terminal.
func Reference(w io.Writer, reg Registry) error {
	var b strings.Builder
	b.WriteString("## The language\n")
	for _, own := range ownHelp {
		referenceSection(&b, own.name, own.doc, own.config)
	}
	b.WriteString("\n## Content: `name /prefix { }`\n")
	for _, name := range slices.Sorted(slices.Values(reg.moduleNames())) {
		referenceSection(&b, name, "", reg.module(name).ConfigType())
	}
	b.WriteString("\n## Filters: `name { }`, the outermost first\n")
	for _, f := range sortedFilters(reg) {
		_, doc := f.place()
		referenceSection(&b, f.FilterName(), doc, f.ConfigType())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func referenceSection(b *strings.Builder, name, doc string, config reflect.Type) {
	fmt.Fprintf(b, "\n### %s\n", name)
	if doc != "" {
		fmt.Fprintf(b, "\n%s.\n", cell(doc))
	}
	var fields []field
	if config != nil {
		fields = fieldsOf(config)
	}
	if len(fields) == 0 {
		return
	}
	b.WriteString("\n| setting | type | default | |\n|---|---|---|---|\n")
	for _, f := range fields {
		name := "`" + strings.Join(append([]string{f.name}, f.aliases...), "`, `") + "`"
		switch {
		case f.arg:
			name = "behind the name"
		case f.name == "*":
			name = "any name"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, typeName(f.typ), cell(f.preset()),
			cell(f.about()))
	}
}

// about is the field's line, with what its values are held to.
func (c *field) about() string {
	if len(c.oneof) == 0 {
		return c.doc
	}
	return c.doc + ": " + strings.Join(c.oneof, ", ")
}

// cell writes a text so that a table of Markdown shows it as it is.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "<", "&lt;", "\n", " ").Replace(s)
}
