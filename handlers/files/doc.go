// Package files serves trees of files, and content that is like files.
//
//	srv.Mount("/", files.Module.With(files.Config{
//		Dir:      "/srv/site",
//		Fallback: "index.html", // for an application that routes in the browser
//		Cache:    map[string]string{"assets/*": "max-age=31536000, immutable", "*": "no-cache"},
//	}))
//	srv.Mount("/downloads", files.Module.With(files.Config{Dir: "/srv/downloads", List: true}))
//
// The tree is a directory of the system or any fs.FS, as an embed.FS. A request is answered from
// memory if its file is small, and else by sendfile(2) from a descriptor that stays open. What a
// path leads to is remembered for Config.TTL; for a remembered path nothing is looked up, opened or
// read on an event loop; any other path is looked up by a goroutine while the handler is parked: a
// slow disk delays only the requests that wait for it. A large file of an fs.FS is read while it is
// sent: it holds a goroutine while a piece is read, and none while the client takes the piece; an
// embed.FS needs none.
//
// # What is answered
//
// GET and HEAD, with conditions (If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since),
// ranges, several of them too (If-Range), as RFC 9110 sections 13 and 14 have it; OPTIONS; and 405
// to other methods.
//
//	a file                             200, 206, 304, 406, 412, 416
//	a directory without its slash      301 to where it is
//	a directory with an index          as its index
//	a directory without one            a listing, or 403 if Config.List is not set
//	what may not be read               403
//	a file that is being rewritten, or no descriptor free    503
//	an error of the disk               500, with a line in the log
//	everything else                    404, Config.Fallback, or Config.Reroute
//
// Everything else includes files that are hidden or excluded or are no regular files, links that
// lead out of the tree, and paths with an encoded slash, a backslash or a NUL.
//
// # Compression
//
// A compressed file beside its original, app.js.br beside app.js, is used for clients that accept
// it, if it is not older. The codings are br, zstd and gzip, with .br, .zst and .gz. Small files of
// types that can be compressed, and listings, are compressed in memory when a client asks for it
// for the first time. The coding with the highest weight in Accept-Encoding is taken, of several
// that weigh the same the one that is named first here.
//
// # Listings
//
// A listing is HTML, or JSON for clients that prefer it in Accept. The query ?sort=size&order=desc
// sorts it, by name, size or time; there is no script in it. A README in the directory is shown
// below, as text. Config.Page takes your own template; its data are a [Listing]. A directory with
// more than 1000 entries is rendered row by row while it is sent.
//
// # Patterns
//
// Config.Exclude, Cache, Expires and Download choose files by patterns. A pattern without a slash
// inside is compared with each segment of a path: "*.map", "node_modules". One with a slash is
// compared with the path from the root of the tree on: "/robots.txt", "assets/*". The wildcards are
// those of path.Match, so "*" does not match a slash; but a pattern that fits a directory fits all
// that is in it, so "assets/*" fits assets/js/app.js, too. Of several patterns with values the most
// specific one counts: that with more segments, then the longer one.
//
// # Lifetimes
//
// Entries are counted references: a file that is replaced, deleted or evicted while it is sent is
// sent to its end, from the descriptor that was open. Closing the server waits for that. At most
// Config.Entries entries are kept, each with a descriptor if its file is large, and one more for
// each large compressed form beside it.
//
// # Files that change
//
// Replace a file by renaming another one over it: every client then gets either the old one or the
// new one. A file that is rewritten in place is read, or opened, when it has been at rest for 20
// ms. A large file is sent only if it still has the time and the size that it had then, whatever
// Config.TTL says. If it is changed while it is sent, the answer is cut before its last byte, so
// that no client takes a mixture for the file. A file that only grows, as a log, is sent up to the
// length that it had; one that is being rewritten all the time is a 503.
//
// sendfile(2) queues the pages of the file itself. If the file is truncated or overwritten while
// they are on their way, a client may get zeros or new bytes, with every server that uses it. So a
// file that was changed in the last 10 s is sent from a copy. An older one is exposed once, when it
// is changed in place for the first time: rename.
//
// Entity tags are strong: made of the content for small files, and of size and time of
// modification, in nanoseconds, for large ones. Two servers give the same file the same tag if they
// give it the same time.
//
// # Concurrency
//
// The handler runs on event loops. A hit takes no lock, and allocates nothing for a file in memory
// or a 304.
//
// # Caveats
//
//   - A change shows after Config.TTL at the latest. A negative TTL is for trees that do not
//     change, as an embed.FS.
//   - sendfile(2) reads from the disk what is not in the page cache, on the loop. For files that
//     are larger than memory use several loops, or a faster disk.
//   - What an fs.FS opens is trusted. os.DirFS follows links out of its directory; Config.Dir does
//     not.
//   - Middleware that compresses must leave answers with a Content-Encoding alone, and ranges (206)
//     too.
//
// # Not a goal
//
// Uploads and WebDAV; rewriting of content; compressing large files while they are sent; caching
// for other servers.
package files
