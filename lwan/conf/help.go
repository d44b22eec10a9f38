package conf

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// ErrUnknown is returned by Help for a name that nothing has.
var ErrUnknown = fmt.Errorf("conf: there is nothing of that name")

// ownHelp is what the language has itself, by name.
var ownHelp = []struct {
	name, doc string
	config    reflect.Type
}{
	{"settings", "of the top level", reflect.TypeFor[settings]()},
	{"listener", "an address to listen on: listener *:8080", reflect.TypeFor[listener]()},
	{"tls", "of a listener: clients speak TLS; of a site: its cert and key",
		reflect.TypeFor[listenerTLS]()},
	{"straitjacket", "gives up what the process does not need while it serves",
		reflect.TypeFor[jacket]()},
	{"log", "where the server's own lines go", reflect.TypeFor[logConfig]()},
	{"access_log", "a line for each answer", reflect.TypeFor[accessLogConfig]()},
	{"authorization", "Lwan's: authorization basic { } inside of content",
		reflect.TypeFor[authorization]()},
	{"group", "backends that modules share: group api { to = 10.0.0.1:8000 }",
		reflect.TypeFor[groupConfig]()},
	{"backend", "of a group: backend 10.0.0.1:8000 { }", reflect.TypeFor[backendConfig]()},
	{"process", "of a group: a backend that is started", reflect.TypeFor[processConfig]()},
	{"health", "of a group: checks of its backends", reflect.TypeFor[healthConfig]()},
	{"retry", "of a group: what is sent again", reflect.TypeFor[retryConfig]()},
	{"queue", "of a group: where requests wait", reflect.TypeFor[queueConfig]()},
	{"backend_tls", "of a group: encrypts connections to backends",
		reflect.TypeFor[backendTLS]()},
	{"pattern", "of rewrite: a pattern of Lua's", reflect.TypeFor[rewriteRule]()},
	{"match", "of rewrite: a regular expression", reflect.TypeFor[rewriteRule]()},
	{"condition", "of a rule, Lwan's: condition cookie { name = value }",
		reflect.TypeFor[rewriteCondition]()},
	{"site", "content and filters for hosts: site example.com, *.example.org { }", nil},
	{"at", "filters and content for a part of a site: at /admin { }", nil},
	{"headers", "fields of all answers: name = value", nil},
	{"constants", "what ${NAME} stands for: name = value", nil},
	{"include", "reads a file: include sites/*.conf", nil},
}

// Help writes what a configuration can name, or, with a name, the options of that.
func Help(w io.Writer, reg Registry, name string) error {
	if name == "" {
		return helpAll(w, reg)
	}
	for _, own := range ownHelp {
		if own.name == name {
			return describe(w, name, own.doc, own.config)
		}
	}
	if m := reg.module(name); m != nil {
		return describe(w, name+" /prefix", "content below a prefix", m.ConfigType())
	}
	if f := reg.filter(name); f != nil {
		_, doc := f.place()
		return describe(w, name, doc, f.ConfigType())
	}
	hint := suggest(name, knownNames(reg))
	return fmt.Errorf("%w: %q %s", ErrUnknown, name, hint)
}

func knownNames(reg Registry) []string {
	names := append(reg.moduleNames(), reg.filterNames()...)
	for _, own := range ownHelp {
		names = append(names, own.name)
	}
	return names
}

func helpAll(w io.Writer, reg Registry) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "The language:")
	for _, own := range ownHelp {
		fmt.Fprintf(t, "    %s\t%s\n", own.name, own.doc)
	}
	fmt.Fprintln(t, "\nContent, name /prefix { }:")
	for _, name := range slices.Sorted(slices.Values(reg.moduleNames())) {
		fmt.Fprintf(t, "    %s\n", name)
	}
	fmt.Fprintln(t, "\nFilters, name { }, the outermost first:")
	for _, f := range sortedFilters(reg) {
		_, doc := f.place()
		fmt.Fprintf(t, "    %s\t%s\n", f.FilterName(), doc)
	}
	fmt.Fprintln(t, "\nhelp NAME shows the options of one.")
	return t.Flush()
}

func sortedFilters(reg Registry) []AnyFilter {
	list := slices.Clone(reg.Filters)
	slices.SortStableFunc(list, func(a, b AnyFilter) int {
		x, _ := a.place()
		y, _ := b.place()
		return int(x) - int(y)
	})
	return list
}

// describe writes the options of a configuration, as its tags have them.
func describe(w io.Writer, head, doc string, config reflect.Type) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "%s: %s\n\n", head, doc)
	if config != nil {
		for _, f := range fieldsOf(config) {
			name := f.name
			switch {
			case f.arg:
				name = "(behind the name) " + name
			case name == "*":
				name = "NAME"
			}
			fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", name, typeName(f.typ), f.preset(), f.doc)
		}
	}
	return t.Flush()
}

// preset is the default, for people.
func (c *field) preset() string {
	switch {
	case c.required:
		return "required"
	case c.def != "":
		return c.def
	case c.typ.Kind() == reflect.Bool:
		return "no"
	}
	return "-"
}

// typeName is what a type is called in the language.
func typeName(t reflect.Type) string {
	switch t.String() {
	case "time.Duration":
		return "time"
	case "conf.Size":
		return "size"
	case "netip.Prefix":
		return "network"
	case "fs.FileMode":
		return "mode"
	case "conf.commandLine":
		return "command"
	case "*regexp.Regexp":
		return "regexp"
	}
	switch k := t.Kind(); {
	case isText(t):
		return strings.ToLower(t.Name())
	case k == reflect.Slice && isConfig(t.Elem()), k == reflect.Struct:
		return "section"
	case k == reflect.Slice:
		return "list of " + typeName(t.Elem())
	case k == reflect.Map && typeName(t.Elem()) == "text":
		return "section"
	case k == reflect.Map:
		return "section of " + typeName(t.Elem()) + "s"
	case k == reflect.Pointer && isConfig(t.Elem()):
		return "section"
	case k == reflect.Pointer:
		return typeName(t.Elem())
	case k == reflect.String:
		return "text"
	case k == reflect.Bool:
		return "bool"
	}
	return "number"
}
