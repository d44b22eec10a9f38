package conf

import (
	"fmt"
	"reflect"

	"github.com/golwan/golwan/lwan"
)

// Phase is the place of a filter in the onion, whatever its place in the file: lower ones are
// outside. Within a phase the order of the file counts, and outer blocks are outside.
type Phase uint8

const (
	PhaseID        Phase = 10 // request_id, real_ip, access_log
	PhaseHeaders   Phase = 20 // response_headers, expire, cors, https
	PhaseBody      Phase = 30 // compress
	PhaseErrors    Phase = 40 // error pages
	PhaseLimit     Phase = 50 // limit_requests, limit_concurrency, limits
	PhaseAccess    Phase = 60 // access
	PhaseAuth      Phase = 70 // auth_basic, auth_jwt, auth_request
	PhaseRequest   Phase = 80 // request_headers
	PhaseInnermost Phase = 90
)

// Filter is a middleware that a configuration can name, with a typed configuration: a struct as
// that of a lwan.Module. See the package comment for its tags.
type Filter[C any] struct {
	Name  string
	Phase Phase
	Doc   string // one line for help

	// New makes the middleware when the server starts, before requests come: it may block. The
	// scope's routes are not for it; its Log, Go and OnClose are.
	New func(s *lwan.Scope, c C) (lwan.Middleware, error)

	// HandOn says that what New makes depends on its configuration alone, and that New uses nothing
	// of the scope but Log. When the configuration is read again, a filter that stands at the same
	// place with an equal one is handed on then, with what it has counted.
	HandOn bool
}

// AnyFilter is a Filter of any configuration type. Filter is the only one.
type AnyFilter interface {
	// FilterName is the filter's name.
	FilterName() string
	// ConfigType is the type of its configuration.
	ConfigType() reflect.Type

	place() (phase Phase, doc string)
	bind(decode func(into any)) (config any, open func(s *lwan.Scope) (lwan.Middleware, error))
}

// FilterName is Name: see AnyFilter.
func (f Filter[C]) FilterName() string { return f.Name }

// ConfigType is the type C: see AnyFilter.
func (f Filter[C]) ConfigType() reflect.Type { return reflect.TypeFor[C]() }

func (f Filter[C]) place() (phase Phase, doc string) { return f.Phase, f.Doc }

// bind reads a configuration, and returns what makes the middleware of it; config is nil unless an
// equal one makes the same.
func (f Filter[C]) bind(decode func(into any)) (
	config any, open func(s *lwan.Scope) (lwan.Middleware, error),
) {
	var c C
	decode(&c)
	if f.HandOn {
		config = c
	}
	return config, func(s *lwan.Scope) (lwan.Middleware, error) {
		if f.New == nil {
			return nil, fmt.Errorf("the filter has no New function")
		}
		return f.New(s, c)
	}
}

// Registry is what a configuration can name. Standard is what golwan has; a program adds its own.
type Registry struct {
	Modules  []lwan.AnyModule        // content: "name /prefix { }"
	Filters  []AnyFilter             // "name { }"
	Handlers map[string]lwan.Handler // "&name /prefix"
}

// check finds names that are there twice, or that the language has for itself.
func (r *Registry) check() error {
	seen := map[string]bool{}
	for _, names := range [][]string{r.moduleNames(), r.filterNames(), ownSections} {
		for _, name := range names {
			if seen[name] {
				return fmt.Errorf("conf: the name %q is there twice", name)
			}
			seen[name] = true
		}
	}
	return nil
}

func (r *Registry) moduleNames() (names []string) {
	for _, m := range r.Modules {
		names = append(names, m.ModuleName())
	}
	return names
}

func (r *Registry) filterNames() (names []string) {
	for _, f := range r.Filters {
		names = append(names, f.FilterName())
	}
	return names
}

func (r *Registry) module(name string) lwan.AnyModule {
	for _, m := range r.Modules {
		if m.ModuleName() == name {
			return m
		}
	}
	return nil
}

func (r *Registry) filter(name string) AnyFilter {
	for _, f := range r.Filters {
		if f.FilterName() == name {
			return f
		}
	}
	return nil
}
