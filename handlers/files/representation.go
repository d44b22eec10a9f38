package files

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
)

// representation is a form in which a file can be sent (RFC 9110 section 3.2): as it is or
// compressed, from memory or from a descriptor. It does not change once it is made.
type representation struct {
	coding coding
	etag   string // with its quotes (RFC 9110 section 8.8.3)
	size   int64
	length string // size in decimal
	text   string // the content, if large is nil
	large  *large
}

// inMemory makes the representation of a content that is in memory. Its tag is made of the content,
// so it is the same on every server and after every restart, and never the same for two contents.
func inMemory(c coding, text string) *representation {
	sum := sha256.Sum256([]byte(text))
	return &representation{
		coding: c,
		etag:   `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`,
		size:   int64(len(text)),
		length: strconv.Itoa(len(text)),
		text:   text,
	}
}

// inFile makes the representation of a file that stays on disk. Its tag is made of its time and its
// size: the time in nanoseconds, and no change can be hidden in a step of its clock, since load has
// waited for that to pass. It is weak if the file never came to rest (RFC 9110 section 8.8.1), and
// there is none if the file system has no times.
func inFile(c coding, l *large) *representation {
	size := l.stamp.size
	return &representation{
		coding: c, etag: l.etag(c), size: size, length: strconv.FormatInt(size, 10), large: l,
	}
}

// copied makes the representation of a file that is not small, but was read as a whole: for a while
// it is answered from memory, and then from the file, with the same tag.
func copied(c coding, l *large, text string) *representation {
	return &representation{
		coding: c, etag: l.etag(c), size: int64(len(text)),
		length: strconv.Itoa(len(text)), text: text,
	}
}

func (l *large) etag(c coding) string {
	opaque := l.sum
	switch {
	case opaque != "":
	case l.stamp.modified == 0:
		return ""
	default:
		opaque = fmt.Sprintf("%x-%x", l.stamp.modified, l.stamp.size)
	}
	if c != identity {
		opaque += "-" + c.name()
	}
	if l.growing {
		return `W/"` + opaque + `"`
	}
	return `"` + opaque + `"`
}

// close lets go of what the representation holds beside memory.
func (r *representation) close() {
	if r != nil && r.large != nil {
		r.large.close()
	}
}
