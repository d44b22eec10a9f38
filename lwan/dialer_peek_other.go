//go:build !unix

package lwan

import "net"

// peerSpoke reports whether the peer of a connection that rests has closed it: who uses it next
// finds that out here.
func peerSpoke(net.Conn) bool { return false }

// awaitPeer reports that it cannot wait.
func awaitPeer(net.Conn) (err error, ok bool) { return nil, false }
