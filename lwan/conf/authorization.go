package conf

import (
	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
)

// authorization is Lwan's section of a module: authorization basic { }. Its file has passwords in
// clear text, "name = password" a line; hashes are taken, too.
type authorization struct {
	Kind         string `conf:"kind,arg,required" oneof:"basic" doc:"basic is the only one"`
	Realm        string `default:"Lwan" doc:"what browsers show"`
	PasswordFile string `opens:"read" default:"htpasswd" doc:"name = password"`
}

func (b *block) authorization(n *node) {
	var c authorization
	(&decoder{report: b.report}).decode(n, &c)
	b.report.warn(n.at, "auth_basic { file = FILE } takes hashes alone; golwan hash makes them",
		"authorization takes passwords in clear text")
	b.keep(&filter{n: n, phase: PhaseAuth, open: func(s *lwan.Scope) (lwan.Middleware, error) {
		return handlers.BasicAuth(handlers.BasicAuthConfig{
			Realm: c.Realm, File: c.PasswordFile, Plain: true, Log: s.Log,
		})
	}})
}
