// Package buffer lends growable buffers, for what has to be collected before it can be handed on
// and is small as a rule: a rendered page, the output of a compressor.
//
//	b := buffer.Get()
//	defer buffer.Put(b)
//	err := page.Render(b, data)
//
// The buffers are those of github.com/valyala/bytebufferpool, whose pool keeps them however large
// they have grown until it has seen 42,000 of them. Here one that has grown past MaxKept is left to
// the collector at once: one large page would otherwise hold its memory for good. What is large as
// a rule does not belong here.
//
// Get and Put may be called from everywhere.
package buffer
