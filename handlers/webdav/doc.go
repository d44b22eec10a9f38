// Package webdav lets clients read and change a directory by WebDAV (RFC 4918): class 1, and class
// 2 where it may be written. The protocol is that of golang.org/x/net/webdav; what is here keeps it
// inside of the directory, and bounds what a client can make it hold.
//
//	srv.Mount("/dav", webdav.Module.With(webdav.Config{Dir: "/srv/dav", Write: true}))
//
// # What it keeps to
//
//   - No name and no link leads out of the directory: everything goes through an os.Root. What is
//     neither a file nor a directory is not there. A path with an encoded slash is 404.
//   - A file that is put takes its place when all of it has come: until then, and if it breaks off,
//     the one before stays.
//   - PROPFIND with Depth: infinity, which is also that without a Depth, is refused with 403 and
//     propfind-finite-depth (section 9.1.1).
//   - COPY and MOVE of a collection into itself, or over one that holds it, are 403.
//   - Bodies other than those of PUT are at most 64 KiB. Locks are in memory, Config.Locks at most,
//     for Config.LockTime at most whatever a client asks for, and are gone when the module closes.
//
// # Caveats
//
// All requests run on goroutines, as with lwan.Blocking. There are no dead properties and no shared
// locks. There is no quota, so whoever may write may fill the disk. Middleware of a path below the
// mount does not see what COPY, MOVE and DELETE of a collection above do there, nor the Destination
// of what is copied elsewhere: who may write one part of a tree may write all of it. Mount parts
// with other users for themselves. A browser shows what somebody has put as a page of this site:
// use a host of its own where that matters.
package webdav
