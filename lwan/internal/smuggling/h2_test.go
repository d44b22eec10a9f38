//go:build linux

package smuggling_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// HTTP/2 has lengths of its own, and a proxy that turns it into HTTP/1.1 has to write others (RFC
// 9113 section 8.1.1). These probes say in fields what frames contradict, or hide lines of HTTP/1.1
// in them.

// h2Probe is a request of HTTP/2.
type h2Probe struct {
	name   string
	fields []string // names and values behind :method, :scheme, :authority and :path
	data   []string // of DATA frames
	change string   // a pseudo-header field that is not as usual
	to     string   // its value; {p} is the usual path
}

var h2Probes = []h2Probe{
	{name: "plain", data: []string{"hello"}},
	{name: "several frames", data: []string{"he", "", "llo"}},
	{name: "right length", fields: []string{"content-length", "5"}, data: []string{"hello"}},
	{name: "H2.0", data: []string{smuggled}},
	{name: "H2.CL, 0", fields: []string{"content-length", "0"}, data: []string{smuggled}},
	{
		name: "H2.CL, too short", fields: []string{"content-length", "3"},
		data: []string{"abc" + smuggled},
	},
	{name: "H2.CL, too long", fields: []string{"content-length", "500"}, data: []string{smuggled}},
	{name: "H2.CL without data", fields: []string{"content-length", "40"}},
	{
		name: "two lengths", fields: []string{"content-length", "5", "content-length", "0"},
		data: []string{"hello"},
	},
	{
		name: "two equal lengths", fields: []string{"content-length", "5", "content-length", "5"},
		data: []string{"hello"},
	},
	{
		name: "a list of lengths", fields: []string{"content-length", "5, 5"},
		data: []string{"hello"},
	},
	{name: "a signed length", fields: []string{"content-length", "+5"}, data: []string{"hello"}},
	{
		name: "H2.TE", fields: []string{"transfer-encoding", "chunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "H2.TE, obfuscated", fields: []string{"transfer-encoding", "\x0bchunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "H2.TE in capitals", fields: []string{"Transfer-Encoding", "chunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name:   "H2.TE and H2.CL",
		fields: []string{"transfer-encoding", "chunked", "content-length", "5"},
		data:   []string{lastChunk + smuggled},
	},
	{
		name:   "H2.TE named by Connection",
		fields: []string{"connection", "transfer-encoding", "transfer-encoding", "chunked"},
		data:   []string{lastChunk + smuggled},
	},
	{
		name: "line in a value", fields: []string{"x", "y\r\ntransfer-encoding: chunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "line in a value, LF", fields: []string{"x", "y\ntransfer-encoding: chunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "line in a value, CR", fields: []string{"x", "y\rtransfer-encoding: chunked"},
		data: []string{lastChunk + smuggled},
	},
	{name: "request in a value", fields: []string{"x", "y\r\n\r\n" + smuggled}},
	{name: "NUL in a value", fields: []string{"x", "y\x00z"}},
	{
		name: "line in a name", fields: []string{"x: y\r\ntransfer-encoding", "chunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "colon in a name", fields: []string{"transfer-encoding: chunked", ""},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "space in a name", fields: []string{"transfer-encoding ", "chunked"},
		data: []string{lastChunk + smuggled},
	},
	{
		name: "line in the path", change: ":path",
		to:   "{p} HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: ",
		data: []string{lastChunk + smuggled},
	},
	{
		name: "request in the path", change: ":path",
		to: "{p} HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled-0000",
	},
	{name: "space in the path", change: ":path", to: "{p} HTTP/1.1"},
	{name: "path without a slash", change: ":path", to: "smuggled-0000"},
	{
		name: "line in the method", change: ":method",
		to: "GET /smuggled-0000 HTTP/1.1\r\nHost: x\r\n\r\nPOST",
	},
	{name: "space in the method", change: ":method", to: "GET /smuggled-0000 HTTP/1.1 POST"},
	{
		name: "line in the authority", change: ":authority", to: "x\r\nTransfer-Encoding: chunked",
		data: []string{lastChunk + smuggled},
	},
	{name: "line in the scheme", change: ":scheme", to: "http://x/smuggled-0000 HTTP/1.1\r\nX: y"},
	{name: "another host", fields: []string{"host", "y"}, data: []string{"hello"}},
	{
		name: "Expect", fields: []string{"expect", "100-continue", "content-length", "5"},
		data: []string{"hello"},
	},
	{
		name: "upgrade", fields: []string{"connection", "upgrade", "upgrade", "websocket"},
		data: []string{smuggled},
	},
	{name: "te", fields: []string{"te", "trailers, chunked"}, data: []string{"hello"}},
}

// Frames (RFC 9113 sections 4.1 and 6).
const (
	h2Preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	h2Data      = 0
	h2Headers   = 1
	h2Reset     = 3
	h2Settings  = 4
	h2GoAway    = 7
	h2EndStream = 1
	h2EndHeader = 4
)

func appendFrame(b []byte, kind, flags byte, stream uint32, payload string) []byte {
	b = append(b, byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload)), kind, flags)
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// appendLiteral appends a field that is in no table and not compressed (RFC 7541 section 6.2.2).
func appendLiteral(b []byte, name, value string) []byte {
	b = append(b, 0)
	for _, s := range []string{name, value} {
		if len(s) < 127 {
			b = append(b, byte(len(s)))
		} else { // with the seven bits full, and the rest in one byte
			b = append(b, 127, byte(len(s)-127))
		}
		b = append(b, s...)
	}
	return b
}

// bytes is the whole connection of a probe.
func (p *h2Probe) bytes(path string) []byte {
	var block []byte
	for _, f := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", path},
	} {
		if f[0] == p.change {
			f[1] = strings.ReplaceAll(p.to, "{p}", path)
		}
		block = appendLiteral(block, f[0], f[1])
	}
	for i := 0; i < len(p.fields); i += 2 {
		block = appendLiteral(block, p.fields[i], p.fields[i+1])
	}
	b := appendFrame([]byte(h2Preface), h2Settings, 0, 0, "")
	flags := byte(h2EndHeader)
	if len(p.data) == 0 {
		flags |= h2EndStream
	}
	b = appendFrame(b, h2Headers, flags, 1, string(block))
	for i, d := range p.data {
		flags = 0
		if i == len(p.data)-1 {
			flags = h2EndStream
		}
		b = appendFrame(b, h2Data, flags, 1, d)
	}
	return b
}

// attackH2 sends a probe and reads until its stream has ended, or the connection has.
func attackH2(t *testing.T, addr string, p *h2Probe, path, id string) {
	w := dial(t, addr)
	defer w.Close()
	w.send(t, strings.ReplaceAll(string(p.bytes(path)), "/smuggled-0000", "/smuggled-"+id))
	var head [9]byte
	for {
		if _, err := io.ReadFull(w.r, head[:]); err != nil {
			if n, ok := err.(net.Error); ok && n.Timeout() {
				t.Errorf("%s: neither the stream nor the connection ends", p.name)
			}
			return
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, w.r, length); err != nil {
			t.Errorf("%s: %v", p.name, err)
			return
		}
		kind, flags := head[3], head[4]
		ended := flags&h2EndStream != 0 && (kind == h2Data || kind == h2Headers)
		if ended || kind == h2Reset || kind == h2GoAway {
			return
		}
	}
}

// attackAllH2 sends the probes to a proxy, and victims behind each to all of its other fronts.
func attackAllH2(t *testing.T, h2 string, fronts []string) (sent int) {
	for i, p := range h2Probes {
		for k, kind := range []string{"/read/", "/ignore/"} {
			id := fmt.Sprintf("%04x", 0xf000+2*i+k)
			attackH2(t, h2, &p, kind+id, id)
			for n, front := range fronts {
				victims(t, front, &probe{name: p.name}, fmt.Sprintf("%sh%d", id, n))
			}
			sent++
		}
	}
	return sent
}
