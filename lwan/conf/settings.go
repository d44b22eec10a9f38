package conf

import (
	"io/fs"
	"net/netip"
	"time"
)

// settings are those at the file's top level. Several are Lwan's: a configuration of Lwan's works,
// and what has no meaning here is accepted and said.
type settings struct {
	KeepAliveTimeout time.Duration `default:"15s" range:"0.." doc:"how long an idle connection stays open; 0: one request each"`
	Threads          int           `range:"0..1024" doc:"event loops; 0: one for each CPU"`
	Quiet            bool          `doc:"log nothing below warnings"`
	Expires          time.Duration `range:"0.." doc:"for the field Expires of all files; 0: none"`

	Connections           int           `range:"0.." doc:"open at a time; 0: as many as there are descriptors"`
	ConnectionsPerAddress int           `range:"0.." doc:"of one remote address; 0: no limit"`
	HeaderTimeout         time.Duration `default:"10s" range:"1.." doc:"for the head of a request"`
	DrainTimeout          time.Duration `default:"30s" range:"0.." doc:"for requests under way at a stop; 0: no limit"`
	ReloadTimeout         time.Duration `default:"1m" range:"0.." doc:"for opening what a reload asks for; 0: no limit"`
	PidFile               string        `opens:"write" doc:"has the number of the process while it serves"`

	MaxPostDataSize Size   `range:"0.." doc:"of the body of a POST; 0: that of limits"`
	MaxPutDataSize  Size   `range:"0.." doc:"of the body of a PUT; 0: that of limits"`
	AllowCors       bool   `doc:"pages of all origins may read answers, without credentials"`
	ErrorTemplate   string `opens:"read" doc:"a mustache file for error pages: short_message, long_message"`

	ProxyProtocol      bool   `doc:"of Lwan's; must be off: listener has networks"`
	MaxFileDescriptors int    `range:"0.." doc:"of Lwan's: counts as connections, if those are not set"`
	RequestBufferSize  Size   `range:"0.." doc:"of Lwan's; no effect"`
	AllowTempFiles     string `doc:"of Lwan's; no effect"`
}

// listener is an address to listen on.
type listener struct {
	n     *node
	sites []*site // of this listener alone: at most one
	bad   bool    // a problem was reported

	Addr        string        `conf:"addr,arg,required" doc:"*:8080, 127.0.0.1:8080, unix:/run/x, systemd:name"`
	Mode        fs.FileMode   `doc:"of a unix socket; none: as the umask gives it"`
	FastOpen    int           `range:"0..65535" doc:"length of the TCP Fast Open queue; 0: off"`
	DeferAccept time.Duration `range:"0.." doc:"accept only who has sent something, or after so long; 0: off"`
	Congestion  string        `doc:"control of congestion, as cubic or bbr; none: the system's"`
	TrustPeers  bool          `doc:"whoever connects here is a proxy that is believed"`

	ProxyProtocol []netip.Prefix `doc:"networks that announce their clients by the PROXY protocol, and have to"`

	ConnectionsPerAddress int `range:"0.." doc:"of one remote address, here alone; 0: as the setting of that name says"`

	TLS *listenerTLS `conf:"tls" doc:"clients speak TLS: help tls"`

	Cert string `opens:"read" doc:"of Lwan's tls_listener: cert of tls"`
	Key  string `opens:"read" doc:"of Lwan's tls_listener: key of tls"`
	Hsts bool   `doc:"of Lwan's tls_listener: browsers shall use https alone for a year"`
}

// logConfig is where the server's own lines go.
type logConfig struct {
	File   string      `opens:"write" conf:"file,arg" default:"stderr" doc:"stderr, stdout or a path"`
	Level  string      `default:"info" oneof:"debug info warn error" doc:"below it nothing is logged"`
	Format string      `default:"text" oneof:"text json" doc:"of the lines"`
	Mode   fs.FileMode `default:"0640" doc:"of a file that is made"`
}
