package http1

import "github.com/golwan/golwan/lwan/internal/message"

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) (RFC 9112 section
// 7.1.1)
//
// The extensions mean nothing to us, and are checked all the same: where anything may stand, a line
// end can be hidden. Whitespace stands only where the grammar has it, so never right before the end
// of the line.

type extClass uint8

const (
	extBad extClass = iota // a control character, or a lone LF
	extToken
	extSpace
	extSemicolon
	extEquals
	extQuote
	extBackslash
	extCR
	extText // visible, or above 0x7f: only in a quoted string
	extClassCount
)

var extClasses = func() (table [256]extClass) {
	for c := range table {
		switch {
		case message.IsToken(byte(c)):
			table[c] = extToken
		case c > ' ' && c != 0x7f:
			table[c] = extText
		}
	}
	table[' '], table['\t'], table['\r'] = extSpace, extSpace, extCR
	table[';'], table['='], table['"'], table['\\'] = extSemicolon,
		extEquals, extQuote, extBackslash
	return table
}()

// extNext is the state after a byte of a class in a state, counted from extBefore. What is not in
// it is refused, for which chunkStart stands: nothing leads back there from here.
var extNext = [...][extClassCount]chunkState{
	0:                   {extSpace: extBefore, extSemicolon: extName},
	extName - extBefore: {extSpace: extName, extToken: extInName},
	extInName - extBefore: {
		extToken: extInName, extSpace: extAfter, extSemicolon: extName,
		extEquals: extValue, extCR: chunkSizeLF,
	},
	extAfter - extBefore: {extSpace: extAfter, extSemicolon: extName, extEquals: extValue},
	extValue - extBefore: {extSpace: extValue, extToken: extInValue, extQuote: extQuoted},
	extInValue - extBefore: {
		extToken: extInValue, extSpace: extBefore, extSemicolon: extName, extCR: chunkSizeLF,
	},
	extQuoted - extBefore: {
		extToken: extQuoted, extSpace: extQuoted, extSemicolon: extQuoted, extEquals: extQuoted,
		extText: extQuoted, extQuote: extClosed, extBackslash: extPair,
	},
	extPair - extBefore: {
		extToken: extQuoted, extSpace: extQuoted, extSemicolon: extQuoted, extEquals: extQuoted,
		extText: extQuoted, extQuote: extQuoted, extBackslash: extQuoted,
	},
	extClosed - extBefore: {extSpace: extBefore, extSemicolon: extName, extCR: chunkSizeLF},
}

// extend takes one byte of a chunk extension, or the CR that ends the line, and returns what is
// wrong with it.
func (c *Chunked) extend(b byte) string {
	class := extClasses[b]
	if class != extCR {
		if c.extension++; c.extension > orDefault32(c.MaxExtension, DefaultExtension) {
			return reasonChunkExtLimit
		}
	}
	next := extNext[c.state-extBefore][class]
	if next == chunkStart {
		return reasonChunkExt
	}
	c.state = next
	return ""
}
