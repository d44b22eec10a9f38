// Package conf reads golwan's configuration language, and makes a server of what it says. The
// program golwan is Main with Standard; a program with handlers of its own has all of it with more
// in the Registry:
//
//	func main() {
//		reg := conf.Standard()
//		reg.Handlers["hello"] = hello
//		conf.Main(reg)
//	}
//
// The language is Lwan's, extended: a configuration of Lwan's works as far as its modules are
// there.
//
//	listener *:8080
//	request_id                          # a filter, for all sites
//	site example.com *.example.org {
//	    serve_files / {                 # content, below a prefix
//	        path = /srv/www
//	        cache for = 10s             # as cache_for
//	    }
//	    &hello /hello                   # a handler of the program's
//	    at /admin {                     # a part of the site
//	        auth_basic { file = /etc/golwan/admin.htpasswd }
//	        if not (remote in 10.0.0.0/8) { access { all = deny } }
//	    }
//	}
//
// Two kinds of statement are in a site: content has a prefix, and the longest one wins; filters
// have none, and count for what is around them. Nothing depends on the order of the file, but for
// constants, which are defined before they are used, and filters of the same Phase. Sites see
// nothing of each other; hosts that no site is for are answered by the site without hosts, or with
// 421.
//
// # Statements
//
//	name = value                        a setting; words of a name are joined with "_"
//	name argument { ... }               a section; without braces it is empty
//	if condition { ... } else if ... { ... } else { ... }
//	include FILE                        or sites/*.conf, relative to the file
//	# a comment                         where a word could begin
//
// A value goes to the end of the line, a "}", or a "#" behind a blank; runs of blanks are one. In
// double quotes everything is itself, but for \" and ${NAME}. Text between three single or three
// double quotes may have several lines, and nothing is expanded in it.
//
// ${NAME} is a constant (constants { NAME = value }), else a variable of the environment;
// ${NAME:default} has a value for neither.
//
// # TLS
//
//	listener *:443 { tls { min_version = 1.3 } }
//	site example.com {
//	    tls { cert = /etc/ssl/example.com.pem
//	          key = /etc/ssl/example.com.key }
//	}
//
// A listener with tls has the certificates of its own tls and of the sites that it serves, and
// chooses by the name that a client asks for; the first one is also for names that none has. Files
// that have changed are read within a minute, and at SIGHUP. The filter https brings clients of
// other listeners there. HTTP/2 and HTTP/1.1 are spoken. A listener with client_cert answers
// requests for another host than that of the handshake with 421.
//
// # Backends
//
//	group api {
//	    to = 10.0.0.1:8000, 10.0.0.2:8000
//	    health { path = /healthz }
//	}
//	site {
//	    proxy /v1 { group = api }       # HTTP; its path stays as it is
//	    fastcgi /php {                  # and scgi, uwsgi
//	        process { command = /usr/bin/php-cgi
//	                  max = 8 }
//	        root = /srv/www
//	        extensions = .php
//	    }
//	}
//
// The settings of a group may also stand in the module itself; equal groups are one. A group that
// nothing has changed about goes on when the configuration is read again: with its connections,
// processes, counts, and what it knows of its backends.
//
// # Watching
//
//	listener 127.0.0.1:9090 { site { status / } }
//
// status has a page with charts, status.json, metrics for Prometheus, health, which is 503 from
// when the server drains, and config: what counts, without secrets. It answers the machine itself
// alone, unless allow says otherwise.
//
// # Privileges
//
//	straitjacket {
//	    user = www-data
//	    landlock = yes
//	}
//
// What the process does not need while it serves it gives up, once modules are open and sockets
// bound: root, capabilities, programs that gain some, and with landlock all files that the
// configuration does not name. Private keys are read before, and again when they change: the user
// must be able to read them then, or a new one counts from the next start on. Files that are made
// while it serves, as pid_file and logs that are opened anew, must lie where the user may write. A
// program with C code in it cannot do this: build it with CGO_ENABLED=0.
//
// # Conditions
//
//	host path method scheme protocol user    header NAME  cookie NAME  query NAME  env NAME
//	== in   is one of these        !=  is none            =^ =$  begins, ends with one
//	=~ !~   regular expression     contains  has one      under  is the path, or below it
//	remote == != in   address or network
//	not, and, or, ( )              "and" binds closer than "or"
//
// A list has commas. A header, cookie or parameter that is not there makes every test on it false,
// and != and !~ true; by itself its name asks whether it is there. The path is the one that the
// router sees, decoded and cleaned, with an encoded slash taken for a slash.
//
// Around a filter a condition is asked when the turn of the filter comes: by then what is outside,
// as the user that auth_basic finds, is known. Around content it is asked before content is chosen:
// what is in the if is looked for first, and what it has nothing at in what is around it. proxy
// passes no path on in which a slash is encoded, unless encoded_slash says so: for many a backend
// it is another path than the one that conditions have seen.
//
// # Rewriting
//
//	rewrite {                           # before content is chosen
//	    match "^/p/([0-9]+)$" { rewrite_as = /product?id=$1 }
//	    match "^/blog/(.*)$" { redirect_to = /articles/$1 }
//	}
//	rewrite /old {                      # Lwan's: all there is below a prefix
//	    pattern (%d+)/(%a+) { redirect_to = /new/%2?id=%1 }
//	}
//
// The first rule that fits counts. What is rewritten passes all filters that the other path passes.
//
// # Reading it again
//
// At SIGHUP (golwan -s reload) the configuration is read again, and what it says is opened beside
// what is open. With any mistake in it the server goes on as it was, and the log has all of them.
// Else requests from then on are answered by the new one, while those under way, with their streams
// and WebSockets, go on as they began; event streams and WebSockets for drain_timeout at most. No
// connection is closed. What says so, as serve_files and limit_requests, is handed on where nothing
// about it has changed: with its cache, or with what it has counted. Addresses, tls, log and limits
// of connections cannot change so: the log names them, and SIGUSR2 (-s upgrade) starts the program
// anew, with its sockets.
//
// # Mistakes
//
// Load finds all of them at once, each with its place, the line, and a hint. What only opening can
// find (a directory that is not there) comes from the server's start, with the place of the
// section.
//
// # Lifetimes and concurrency
//
// A Config is constant. Its Server is made once, and opens what it needs when it starts. A Cond may
// be used by many requests at a time.
//
// # Modules and filters of a program's own
//
// A configuration is a struct. Its fields are the settings: texts, bools, numbers, Size,
// time.Duration, what has UnmarshalText, a struct or a pointer to one (a section), slices of these,
// and maps with texts as keys. Tags say more, and Help and Reference show it:
//
//	MaxBody Size `conf:"max_body,alias=body,required" default:"1M" range:"1.." doc:"of a request"`
//
// conf has the name, which is the field's in snake case if there is none, and behind it required;
// arg, which is what stands behind the section's name; and alias=NAME. "-" hides a field, and "*"
// is a map of all settings that no other field has. default is read as if the file had it. range is
// the least and the greatest value, of which one may be left out, oneof the words that a text may
// be, and opens is read or write for a path that is opened while the server serves, which a
// straitjacket must leave. A range that is none panics. A Checker looks at all of them together.
//
// # Not here
//
// Lua. What names it is a mistake, as any name is that nothing has, and not passed over.
package conf
