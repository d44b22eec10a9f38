//go:build linux

package conn

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// veil is a Layer for tests: records of a type, a length and bytes that are not what they were. It
// keeps half a record, as TLS does.
//
//	'D' length(2) bytes      'E' 0 0      end
type veil struct {
	in, clear []byte
	over, bad error
	kernel    bool
	rests     int
	full      bool // the last Open has filled p: there may be more
}

const veilHeader, veilMost = 3, 1 << 10

var errVeil = errors.New("no record")

func veiled(p []byte) []byte {
	q := make([]byte, len(p))
	for i, b := range p {
		q[i] = b ^ 0x5a
	}
	return q
}

func (v *veil) Open(p, in []byte) (n int, err error) {
	v.in = append(v.in, in...)
	defer func() { v.full = n == len(p) }()
	for {
		m := copy(p[n:], v.clear)
		n, v.clear = n+m, v.clear[m:]
		switch {
		case n == len(p):
			return n, nil
		case v.over != nil:
			return n, v.over
		case len(v.in) < veilHeader:
			return n, nil
		}
		size := int(binary.BigEndian.Uint16(v.in[1:]))
		switch {
		case v.in[0] == 'E':
			v.over = io.EOF
		case v.in[0] != 'D' || size > veilMost:
			v.over = errVeil
			return n, v.over
		case len(v.in) < veilHeader+size:
			return n, nil
		}
		v.clear = veiled(v.in[veilHeader : veilHeader+size])
		v.in = v.in[veilHeader+size:]
	}
}

func (v *veil) Pending() bool { return v.full }

func (v *veil) Seal(out, p []byte) ([]byte, error) {
	if v.bad != nil {
		return out, v.bad
	}
	for len(p) > 0 {
		n := min(len(p), veilMost)
		out = append(out, 'D', byte(n>>8), byte(n))
		out = append(out, veiled(p[:n])...)
		p = p[n:]
	}
	return out, nil
}

func (v *veil) Close(out []byte) []byte {
	v.bad = errVeil
	return append(out, 'E', 0, 0)
}

func (v *veil) Rest()                       { v.rests++ }
func (v *veil) State() *tls.ConnectionState { return &tls.ConnectionState{ServerName: "veil"} }
func (v *veil) Kernel() bool                { return v.kernel }

func (v *veil) Release(to net.Conn) net.Conn { return &veilConn{Conn: to, v: v} }

// veilConn is a veil over a connection: of a client, or released.
type veilConn struct {
	net.Conn
	v *veil
}

func (c *veilConn) Read(p []byte) (int, error) {
	for {
		n, err := c.v.Open(p, nil)
		if n > 0 || err != nil {
			return n, err
		}
		buf := make([]byte, 2*veilMost)
		m, err := c.Conn.Read(buf)
		if n, fault := c.v.Open(p, buf[:m]); n > 0 || fault != nil {
			return n, fault
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
	}
}

func (c *veilConn) Write(p []byte) (int, error) {
	out, err := c.v.Seal(nil, p)
	if err == nil {
		_, err = c.Conn.Write(out)
	}
	return len(p), err
}

// end says that nothing follows.
func (c *veilConn) end() { _, _ = c.Conn.Write(c.v.Close(nil)) }

// veils is the Security of the test's lanes. A handshake: the client sends "HELLO", the server
// "WHO?", the client three bytes.
type veils struct {
	began  chan *Handshake             // nil, or told of each
	shakes func(over *Handshake) error // nil, or called in the middle
	chosen func(c Conn) Verdict        // nil: the Protocol
	kernel bool
}

const veilHello = "HELLO"

func (s *veils) Missing(hello []byte) (int, error) {
	n := min(len(hello), len(veilHello))
	if string(hello[:n]) != veilHello[:n] {
		return 0, errVeil
	}
	return len(veilHello) - n, nil
}

func (s *veils) Plain(first []byte) []byte {
	if first[0] == 'G' {
		return []byte("not here\n")
	}
	return nil
}

func (s *veils) Handshake(over *Handshake, hello []byte) (Layer, error) {
	if s.began != nil {
		s.began <- over
	}
	if _, err := io.WriteString(over, "WHO?"); err != nil {
		return nil, err
	}
	if s.shakes != nil {
		if err := s.shakes(over); err != nil {
			return nil, err
		}
	}
	in := append([]byte(nil), hello[len(veilHello):]...)
	for buf := make([]byte, 100); len(in) < 3; {
		n, err := over.Read(buf)
		if err != nil {
			return nil, err
		}
		in = append(in, buf[:n]...)
	}
	if string(in[:3]) != "me." {
		_, _ = io.WriteString(over, "NO")
		return nil, fmt.Errorf("%q is nobody", in)
	}
	return &veil{in: in[3:], kernel: s.kernel, full: len(in) > 3}, nil
}

func (s *veils) Chosen(c Conn) Verdict {
	if s.chosen != nil {
		return s.chosen(c)
	}
	return Idle
}

// runVeiled is run with a Layer on every connection.
func runVeiled(t testing.TB, p Protocol, by *veils, cfg Config) *rig {
	t.Helper()
	lane, err := Listen("127.0.0.1:0", ListenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	lane.Secure(by, 5*time.Second)
	clock := &fakeClock{}
	if cfg.FirstByte == 0 {
		cfg.FirstByte = 20 * time.Second
	}
	cfg.Clock = clock
	r := runOn(t, p, cfg, lane)
	r.clock = clock
	return r
}

// veiledPeer is the client's end behind its handshake.
func (r *rig) veiledPeer() *peer {
	r.t.Helper()
	raw, err := dialRaw(r.lane.Addr())
	if err != nil {
		r.t.Fatal(err)
	}
	return r.veil(raw)
}

func (r *rig) veil(raw net.Conn) *peer {
	r.t.Helper()
	who := make([]byte, 4)
	if _, err := io.WriteString(raw, veilHello); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.ReadFull(raw, who); err != nil || string(who) != "WHO?" {
		r.t.Fatalf("%q, %v", who, err)
	}
	if _, err := io.WriteString(raw, "me."); err != nil {
		r.t.Fatal(err)
	}
	return newPeer(r.t, &veilConn{Conn: raw, v: &veil{}})
}

// raw is the client's socket.
func (p *peer) raw() *net.TCPConn { return p.Conn.(*veilConn).Conn.(*net.TCPConn) }

func (p *peer) narrowVeil() { (&peer{Conn: p.raw(), t: p.t}).narrow() }

// shaken waits until so many handshakes have been done.
func (r *rig) shaken(n int64) {
	r.t.Helper()
	eventually(r.t, "all handshakes are done", func() bool {
		sum, counts := int64(0), make(chan int64)
		for _, set := range r.eng.sets {
			set.loop.Post(func() { counts <- set.counts.Handshakes })
			sum += <-counts
		}
		return sum == n
	})
}
