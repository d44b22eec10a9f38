//go:build !lwandebug

package lwan

// What is used again for the next request is told from what is in use by the build tag lwandebug alone: see reuse_debug.go.
// Without it nothing of this costs anything.

// epitaph is what a Request or Response that is over knows of itself.
type epitaph = struct{}

func (r *Request) mustLive()          {}
func (r *Response) mustLive()         {}
func (r *Request) remember()          { r.was = epitaph{} }
func (r *Response) remember() epitaph { return epitaph{} }

// poison makes bytes unmistakable that nobody may look at any more.
func poison([]byte) {}
