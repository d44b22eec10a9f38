package transport

// Answer is the head of an answer, final or informational. It says all that a protocol has to know,
// so that a Stream never sees the Response it is made of.
type Answer struct {
	Status int

	// Fields yields the fields in order, Content-Type among them; not those of framing, connection
	// and Date, which are the protocol's. One called Date replaces its own, and one called Trailer
	// names the trailers that follow the content. It is made once and used for each answer, so that
	// nothing is allocated for it.
	Fields func(yield func(name, value string) bool)

	Length int64 // of the content; or Unknown or Unsaid
	Close  bool  // the connection is to end after it (of HTTP/2: it takes no more streams)
	// Alone narrows Close: nobody has asked for it, but something has become of this request, whose
	// content was read in part or whose handler has died. Those that have a stream of their own are
	// not concerned.
	Alone bool

	// Content says that it may have content: it answers no HEAD, and its status is not 204 or 304.
	// Else what is written is dropped.
	Content bool

	// Whole says that the answer is complete and nothing of the program's runs any more: one Write
	// and Close follow at once. So what is sent may wait for the next answers, and nobody reads the
	// request's content any more.
	Whole bool
}

// Lengths that are no number of bytes.
const (
	Unknown int64 = -1 // the end of the content shows how long it is
	Unsaid  int64 = -2 // nothing is said of it: there is no content, and none to be told of
)

// Field is a field line of a trailer section.
type Field struct{ Name, Value string }
