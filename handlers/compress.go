package handlers

import (
	"compress/gzip"
	"io"
	"strings"
	"sync"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/buffer"
)

// CompressConfig says what is worth to be compressed. The zero value is a good choice.
type CompressConfig struct {
	// MinSize is the number of bytes below which a body stays as it is: 0 is 1 KiB, since a packet
	// has to be sent anyway; negative: none. A stream of unknown length is taken for a long one.
	MinSize int

	// Types are media types to compress: "text/html", "text/*", or "+json" for all of that
	// structure (RFC 6839). nil: text of all kinds, JSON, XML, JavaScript, SVG and WebAssembly.
	// Event streams have to be named: text/event-stream.
	Types []string
}

// Compress sends bodies in gzip where that is worth it, to clients that accept it (RFC 9110 section
// 8.4.1.3), streams included: Response.Flush flushes what was compressed so far.
//
// It leaves alone bodies that are encoded already, ranges, answers with "Cache-Control:
// no-transform" (RFC 9111 section 5.2.2.6), and answers with a digest. All answers that could be
// compressed get "Vary: Accept-Encoding". A strong ETag becomes a weak one, because the bytes are
// others (RFC 9110 section 8.8.3.3), and Accept-Ranges goes.
//
// Large pieces of a body are compressed on a goroutine, by Request.Await, so that the loop serves
// others meanwhile.
//
// If an answer holds both a secret and text that an attacker can choose, its compressed length can
// give the secret away (the BREACH attack): do not compress those.
func Compress(c CompressConfig) lwan.Middleware {
	z := newCompressor(c)
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			returned := false
			resp.BeforeHead(func(st lwan.Status) { z.decide(req, resp, st, returned) })
			st := next(req, resp)
			if st == lwan.StatusOK && req.Method() == "HEAD" &&
				resp.Err() == nil && unwritten(resp) {
				// The length is that of the plain body: it must go if GET would compress, and a
				// complete answer always has one (RFC 9110 section 8.6).
				if err := resp.SendHead(st); err != nil {
					return resp.Fail(err)
				}
			}
			returned = true
			return st
		}
	}
}

// unwritten reports whether an answer to HEAD says how long its body would be, and has none.
func unwritten(resp *lwan.Response) bool {
	return !resp.HeadSent() && resp.Header("Content-Length") != "" && len(resp.BodyBytes()) == 0
}

// compressor is a CompressConfig with what is reused.
type compressor struct {
	minSize int
	types   []string
	writers sync.Pool // of *gzip.Writer: 0.8 MB each
}

const (
	defaultMinSize = 1 << 10
	eventStream    = "text/event-stream"

	// gzipLevel is as fast as level 1 on JSON of 1 MiB (4 ms), with a smaller result and two thirds
	// of the memory; level 6 takes three times as long for another 2 %.
	gzipLevel = 2
)

func newCompressor(c CompressConfig) *compressor {
	z := &compressor{minSize: c.MinSize}
	if c.MinSize == 0 {
		z.minSize = defaultMinSize
	}
	types := c.Types
	if types == nil {
		types = []string{"text/*", "application/json", "+json", "application/xml", "+xml",
			"application/javascript", "application/x-ndjson", "application/wasm"}
	}
	for _, t := range types {
		z.types = append(z.types, strings.ToLower(t))
	}
	return z
}

// decide looks at an answer just before its head goes out. whole: the body is all there.
func (z *compressor) decide(req *lwan.Request, resp *lwan.Response, st lwan.Status, whole bool) {
	switch {
	case st == lwan.StatusNotModified:
		z.revalidated(req, resp)
		return
	case st == lwan.StatusNoContent, st == lwan.StatusResetContent, st == lwan.StatusPartialContent:
		return
	case !z.worthy(resp.Header("Content-Type")), !transformable(resp), z.small(resp, whole):
		return
	}
	vary(resp, "Accept-Encoding")
	if !acceptsGzip(req) {
		return
	}
	weaken(resp)
	resp.SetHeader("Content-Encoding", "gzip")
	resp.DelHeader("Content-Length")
	resp.DelHeader("Accept-Ranges")
	if whole || req.Method() != "HEAD" {
		resp.Filter(func(w io.Writer) io.WriteCloser { return z.newBody(req, w, st) })
	}
}

// revalidated makes a 304 say what the 200 has said (RFC 9110 section 15.4.5). That is not known
// here, but the client shows the ETag that it was given.
func (z *compressor) revalidated(req *lwan.Request, resp *lwan.Response) {
	vary(resp, "Accept-Encoding")
	if tag := resp.Header("ETag"); strings.Contains(req.Header("If-None-Match"), "W/"+tag) {
		weaken(resp)
	}
}

// weaken makes a strong entity tag weak.
func weaken(resp *lwan.Response) {
	if tag := resp.Header("ETag"); strings.HasPrefix(tag, `"`) {
		resp.SetHeader("ETag", "W/"+tag)
	}
}

// worthy reports whether contents of that type are to be compressed.
func (z *compressor) worthy(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.Trim(media, " \t"))
	for _, t := range z.types {
		switch prefix, all := strings.CutSuffix(t, "*"); {
		case t == media && media != "":
			return true
		case all && media != eventStream && strings.HasPrefix(media, prefix):
			return true
		case strings.HasPrefix(t, "+") && strings.HasSuffix(media, t):
			return true
		}
	}
	return false
}

// transformable reports whether nothing in the head speaks against another coding.
func transformable(resp *lwan.Response) bool {
	for _, name := range []string{
		"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest",
	} {
		if resp.Header(name) != "" {
			return false
		}
	}
	for _, line := range resp.HeaderAll("Cache-Control") {
		if strings.Contains(strings.ToLower(line), "no-transform") {
			return false
		}
	}
	return true
}

// small reports whether the body is known to be below the limit.
func (z *compressor) small(resp *lwan.Response, whole bool) bool {
	if whole {
		return len(resp.BodyBytes()) < z.minSize
	}
	length := resp.Header("Content-Length")
	return length != "" && parseLength(length) < z.minSize
}

// newBody makes the filter of an answer.
func (z *compressor) newBody(req *lwan.Request, to io.Writer, st lwan.Status) *gzipBody {
	b := &gzipBody{req: req, to: to, out: buffer.Get(), home: &z.writers, inline: st >= 400}
	if w, ok := z.writers.Get().(*gzip.Writer); ok {
		w.Reset(b.out)
		b.gzip = w
	} else {
		// its only error is a level that does not exist
		b.gzip, _ = gzip.NewWriterLevel(b.out, gzipLevel)
	}
	return b
}
