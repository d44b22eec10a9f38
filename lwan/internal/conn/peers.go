//go:build linux

package conn

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The address of a peer is learned where a connection is accepted: accept4(2) returns it by the
// same call, also when the peer has reset the connection by then, of which getpeername(2) would
// know nothing any more. It is kept for as long as the connection is open, so a question costs no
// system call.
//
// peerAddr is an entry of the table of addresses, which stands beside that of slots: 24 bytes by
// descriptor, without a pointer, written by the loop that accepts before the owner hears of the
// connection, by the owner before it is served, and read by the worker that serves it.
type peerAddr struct {
	ip     [16]byte // an IPv4 address as IPv4-mapped
	gen    uint32   // of the connection whose address it is
	port   uint16
	family uint16 // 0: no internet address
}

// Sockaddr is the beginning of what accept4 tells of a peer: as much as an internet address has
// (struct sockaddr_in6). A unix socket's is cut off, and not looked at.
type Sockaddr struct {
	family uint16
	port   [2]byte // in network order
	// sockaddr_in: 4 bytes of address; sockaddr_in6: flow, 16 bytes of address, scope
	rest [24]byte
}

const sockaddrLen = uint32(unsafe.Sizeof(Sockaddr{}))

// set makes p what accept4 has told. A zone is not kept: it names one of our interfaces, and not
// the peer.
func (p *peerAddr) set(gen uint32, from *Sockaddr) {
	*p = peerAddr{gen: gen, port: binary.BigEndian.Uint16(from.port[:])}
	switch from.family {
	case unix.AF_INET:
		p.family, p.ip[10], p.ip[11] = unix.AF_INET, 0xff, 0xff
		copy(p.ip[12:], from.rest[:4])
	case unix.AF_INET6:
		p.family = unix.AF_INET6
		copy(p.ip[:], from.rest[4:20])
	}
}

// keep makes p the address that a connection was opened to, or that its peer has announced.
func (p *peerAddr) keep(gen uint32, to netip.AddrPort) {
	*p = peerAddr{gen: gen, port: to.Port(), ip: to.Addr().As16()}
	if to.IsValid() {
		p.family = unix.AF_INET6
	}
}

// addrPort is the address of the connection of generation gen, IPv4 in its own form; invalid if it
// has none.
func (p *peerAddr) addrPort(gen uint32) netip.AddrPort {
	if p.family == 0 || p.gen != gen {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(p.ip).Unmap(), p.port)
}

// peerTable maps memory for n addresses, as slotTable does.
func peerTable(n int) ([]peerAddr, error) {
	mem, err := unix.Mmap(-1, 0, n*int(unsafe.Sizeof(peerAddr{})), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("conn: map %d addresses: %w", n, err)
	}
	// Sound: the mapping is page-aligned, long enough, zeroed, pointer-free, and lives until
	// freePeers.
	return unsafe.Slice((*peerAddr)(unsafe.Pointer(unsafe.SliceData(mem))), n), nil
}

// freePeers unmaps what peerTable mapped.
func freePeers(p []peerAddr) error {
	return unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(p))),
		len(p)*int(unsafe.Sizeof(peerAddr{}))))
}

// Peer is the remote address, which the connection has had since it was accepted, or what that has
// announced; the zero value on a unix socket, and for a connection that was closed and whose
// descriptor is another one's.
func (c Conn) Peer() netip.AddrPort {
	if c.set == nil {
		return netip.AddrPort{}
	}
	return c.set.eng.peers[c.fd].addrPort(c.gen)
}
