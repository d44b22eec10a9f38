package lwan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
)

// Module is a reusable part of a site: a name, a typed configuration, and a function that opens it.
// Modules that ship with golwan and your own are the same thing. A Module is usually a package
// variable.
type Module[C any] struct {
	Name string
	Open func(s *Scope, c C) error // runs before the module's requests come: it may block

	// HandOn says that what Open makes depends on the configuration alone. Then Server.Replace
	// hands an open module on to tables that have it at the same place with an equal one
	// (reflect.DeepEqual), instead of opening it anew: with its caches, counts and connections.
	HandOn bool
}

// With ties a configuration to the module: srv.Mount("/hits", Counter.With(CounterConfig{Start:
// 10})).
func (m Module[C]) With(c C) Mountable { return mounted[C]{m, c} }

// Mountable is a module with its configuration; Module.With makes it.
type Mountable interface {
	name() string
	open(s *Scope) error
	equal(other Mountable) bool // it is to be handed on in place of this one
}

// AnyModule is a Module of any configuration type: for Server.Register, and for programs that read
// configurations. Module is the only one.
type AnyModule interface {
	// ModuleName is the module's name.
	ModuleName() string
	// ConfigType is the type of its configuration, for help and checks.
	ConfigType() reflect.Type
	// Bind ties a configuration to the module, as With does, which decode fills: it gets a pointer
	// to a zero one. Nothing is opened, so all mistakes of a text can be found before anything is.
	Bind(decode func(into any) error) (Mountable, error)

	anyModule()
}

type mounted[C any] struct {
	module Module[C]
	config C
}

func (m mounted[C]) name() string { return m.module.Name }

func (m mounted[C]) open(s *Scope) error {
	if m.module.Open == nil {
		return errors.New("the module has no Open function")
	}
	return m.module.Open(s, m.config)
}

func (m mounted[C]) equal(other Mountable) bool {
	o, ok := other.(mounted[C])
	return ok && m.module.HandOn && o.module.HandOn && m.module.Name == o.module.Name &&
		reflect.ValueOf(m.module.Open).Pointer() == reflect.ValueOf(o.module.Open).Pointer() &&
		reflect.DeepEqual(m.config, o.config)
}

// ModuleName is Name: see AnyModule.
func (m Module[C]) ModuleName() string { return m.Name }

// ConfigType is the type C: see AnyModule.
func (m Module[C]) ConfigType() reflect.Type { return reflect.TypeFor[C]() }

func (m Module[C]) anyModule() {}

// Bind is With for a configuration that decode fills; nil: it is the zero one. See AnyModule.
func (m Module[C]) Bind(decode func(into any) error) (Mountable, error) {
	var c C
	if decode != nil {
		if err := decode(&c); err != nil {
			return nil, fmt.Errorf("configuration: %w", err)
		}
	}
	return m.With(c), nil
}

// mount is a module that waits for the server's start.
type mount struct {
	at     *Routes
	m      Mountable
	named  string // to be looked up among the registered ones, with decode
	decode func(into any) error
	source string
	by     *openModule // that mounts it; nil: the program does
	given  int         // middleware of at that is not the module's own, once it is open
}

// Mount opens the module at prefix when the server starts, and closes it after its last request.
// Modules open in the order of registration; if one fails, those that are open are closed, and the
// server does not start.
//
// The module decides what it answers: everything below the prefix ("/"), the prefix itself without
// a slash (""), or both, as Handle has it.
func (r *Routes) Mount(prefix string, m Mountable) {
	r.mount(prefix, &mount{m: m}, caller(2))
}

// MountAt is Mount for what is not written in Go: errors name source, as "site.conf:12:5". mw is
// outside of the module's own middleware, the first is outermost.
func (r *Routes) MountAt(source, prefix string, m Mountable, mw ...Middleware) {
	mt := &mount{m: m}
	r.mount(prefix, mt, source)
	mt.at.Use(mw...)
}

func (r *Routes) mount(prefix string, mt *mount, source string) {
	root := r.root()
	mt.at, mt.source, mt.by = r.Group(prefix), source, r.owner
	if root.sealed || (mt.m == nil && mt.named == "") {
		root.errs = append(root.errs,
			fmt.Errorf("%s: mount %q: there is no module, or the server has started",
				source, prefix))
		return
	}
	root.mounts = append(root.mounts, mt)
}

// Scope is what an open module works with: its routes, relative to the mount's prefix, and its
// life.
type Scope struct {
	*Routes
	Log *slog.Logger // the server's, with the module's name

	srv  *Server
	open *openModule
}

// Prefix is where the module is mounted, as "/hits", host included if the group has one.
func (s *Scope) Prefix() string { return s.prefix }

// Server is the server that mounts the module.
func (s *Scope) Server() *Server { return s.srv }

// Go runs fn as Server.Go does, until the module is closed.
func (s *Scope) Go(fn func(ctx context.Context) error) { s.open.duties.run(fn) }

// OnClose runs fn when the module is closed: after the last request, in reverse order, and also
// when a later module fails to open.
func (s *Scope) OnClose(fn func() error) { s.open.duties.onClose(fn) }

// named finds the registered module that a mount asks for, and decodes its configuration.
func (s *Server) named(mt *mount) (Mountable, error) {
	for _, m := range s.modules {
		if m.ModuleName() == mt.named {
			return m.Bind(mt.decode)
		}
	}
	known := make([]string, len(s.modules))
	for i, m := range s.modules {
		known[i] = m.ModuleName()
	}
	return nil, fmt.Errorf("no module of that name is registered; there are %q", known)
}

// Register makes modules known by name, for MountNamed and configuration files.
func (s *Server) Register(mods ...AnyModule) { s.modules = append(s.modules, mods...) }

// MountNamed mounts a registered module when the server starts; decode gets a pointer to its
// configuration to fill. It is for configuration files; from Go, use Mount, which the compiler
// checks.
func (s *Server) MountNamed(prefix, name string, decode func(into any) error) {
	s.mount(prefix, &mount{named: name, decode: decode}, caller(2))
}
