package handlers

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

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
	// Event streams have to be named, text/event-stream, and are compressed then although
	// Response.Events says no-transform, which is for proxies.
	Types []string

	// Codings are those to choose from, the first one where a client likes several as well: zstd
	// (RFC 8878), br (RFC 7932), gzip, deflate. nil: zstd, br, gzip. Compress panics over others.
	Codings []string

	// Compressors is how many answers are compressed at a time, since each holds 0.8 to 1.5 MB
	// until its body has gone to the client, or to the server's own buffer: 0 is 256; negative: any
	// number. Those beyond are sent as they are.
	Compressors int
}

// defaultCompressors hold less than 400 MB. A body that is there as a whole holds one for a moment,
// a stream and a large answer to a slow client for long.
const defaultCompressors = 256

// Compress sends bodies in a shorter coding where that is worth it, to clients that accept one (RFC
// 9110 section 8.4.1), in the one that a client likes best by its weights (section 12.5.3). A
// client that likes bodies as they are just as much gets them coded, and one without the field
// never does. Streams are compressed as they are written: Response.Flush, and each event of an
// event stream, sends all that was compressed so far.
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
	if err := c.Check(); err != nil {
		panic("handlers: " + err.Error())
	}
	z := newCompressing(c)
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

// Check says what is wrong with the configuration.
func (c CompressConfig) Check() error {
	for i, name := range c.Codings {
		if newCoding(name) == nil {
			return fmt.Errorf("CompressConfig.Codings: %q is none of zstd, br, gzip, deflate", name)
		}
		if slices.Contains(c.Codings[:i], name) {
			return fmt.Errorf("CompressConfig.Codings: %s is there twice", name)
		}
	}
	return nil
}

// unwritten reports whether an answer to HEAD says how long its body would be, and has none.
func unwritten(resp *lwan.Response) bool {
	return !resp.HeadSent() && resp.Header("Content-Length") != "" && len(resp.BodyBytes()) == 0
}

// compressing is a CompressConfig with what is reused.
type compressing struct {
	minSize int
	types   []string
	codings map[string]*coding
	offers  []string // names of codings, and identity
	most    int64    // compressors; negative: any number
	busy    atomic.Int64
}

const (
	defaultMinSize = 1 << 10
	eventStream    = "text/event-stream"
)

func newCompressing(c CompressConfig) *compressing {
	z := &compressing{
		minSize: c.MinSize, codings: map[string]*coding{}, most: int64(c.Compressors),
	}
	if c.MinSize == 0 {
		z.minSize = defaultMinSize
	}
	if c.Compressors == 0 {
		z.most = defaultCompressors
	}
	if c.Codings == nil {
		c.Codings = []string{"zstd", "br", "gzip"}
	}
	for _, name := range c.Codings {
		z.codings[name] = newCoding(name)
	}
	z.offers = append(slices.Clone(c.Codings), "identity")
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
func (z *compressing) decide(req *lwan.Request, resp *lwan.Response, st lwan.Status, whole bool) {
	media := mediaOf(resp.Header("Content-Type"))
	switch {
	case st == lwan.StatusNotModified:
		z.revalidated(req, resp)
		return
	case st == lwan.StatusNoContent, st == lwan.StatusResetContent, st == lwan.StatusPartialContent:
		return
	case !z.worthy(media), !transformable(resp, media == eventStream), z.small(resp, whole):
		return
	}
	vary(resp, "Accept-Encoding")
	chosen := z.choose(req)
	if chosen == nil {
		return
	}
	bodyless := !whole && req.Method() == "HEAD"
	if !bodyless {
		// heartbeats would write while a goroutine compresses an event
		b, err := z.newBody(req, chosen, st >= 400 || media == eventStream)
		switch {
		case err != nil:
			req.Log().Error("answer is not compressed", "err", err)
			return
		case b == nil: // compressors are all in use
			return
		}
		resp.Filter(func(w io.Writer) io.WriteCloser { b.to = w; return b })
	}
	weaken(resp)
	resp.SetHeader("Content-Encoding", chosen.name)
	resp.DelHeader("Content-Length")
	resp.DelHeader("Accept-Ranges")
}

// choose is what a client likes best; nil: the body as it is. One without Accept-Encoding is not
// taken at its word: it may not know what to do with a coding. One that refuses everything gets the
// body as it is, which is better than none.
func (z *compressing) choose(req *lwan.Request) *coding {
	return z.codings[req.AcceptsEncoding(z.offers...)]
}

// revalidated makes a 304 say what the 200 has said (RFC 9110 section 15.4.5). That is not known
// here, but the client shows the ETag that it was given.
func (z *compressing) revalidated(req *lwan.Request, resp *lwan.Response) {
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

// mediaOf is the media type in lower case, without parameters.
func mediaOf(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.Trim(media, " \t"))
}

// worthy reports whether contents of that type are to be compressed.
func (z *compressing) worthy(media string) bool {
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
func transformable(resp *lwan.Response, events bool) bool {
	for _, name := range []string{
		"Content-Encoding", "Content-Range", "Content-Digest", "Repr-Digest",
	} {
		if resp.Header(name) != "" {
			return false
		}
	}
	if events {
		return true
	}
	for _, line := range resp.HeaderAll("Cache-Control") {
		if strings.Contains(strings.ToLower(line), "no-transform") {
			return false
		}
	}
	return true
}

// small reports whether the body is known to be below the limit.
func (z *compressing) small(resp *lwan.Response, whole bool) bool {
	if whole {
		return len(resp.BodyBytes()) < z.minSize
	}
	length := resp.Header("Content-Length")
	return length != "" && parseLength(length) < z.minSize
}

// newBody makes the filter of an answer; nil: compressors are all in use. The compressor counts
// until the request is over, however it ends.
func (z *compressing) newBody(
	req *lwan.Request, chosen *coding, inline bool,
) (*codedBody, error) {
	if z.most >= 0 {
		if z.busy.Add(1) > z.most {
			z.busy.Add(-1)
			return nil, nil
		}
		req.Defer(z.leave)
	}
	b := &codedBody{req: req, out: buffer.Get(), coding: chosen, inline: inline}
	var err error
	if b.z, err = chosen.take(b.out); err != nil {
		return nil, err
	}
	return b, nil
}

func (z *compressing) leave() { z.busy.Add(-1) }
