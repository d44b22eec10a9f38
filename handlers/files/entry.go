package files

// An entry is what a path leads to: exactly one of these.
type entry struct {
	key       string
	location  string     // a directory that was asked for without its slash: where it is
	directory *directory // one without an index, to be listed
	file      *resource
}

// entryCost is the memory of an entry beside its content, about.
const entryCost = 1 << 10

// bytes is how much memory the entry keeps.
func (e *entry) bytes() int64 {
	n := int64(entryCost + len(e.key))
	if e.file != nil {
		n += e.file.bytes()
	}
	if e.directory != nil {
		n += e.directory.bytes()
	}
	return n
}

// close lets go of descriptors. No answer refers to the entry any more.
func (e *entry) close() {
	if e.file != nil {
		e.file.close()
	}
}
