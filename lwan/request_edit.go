package lwan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// editedHead is the head of a request whose fields middleware has changed: a copy, in memory of the
// request's own.
type editedHead struct {
	head message.Head
	sent *message.Head // the protocol's
}

// schemeKey has what Scheme was before the fields were changed.
var schemeKey = NewKey[string]("scheme")

// SetHeader makes the request one that came with this field, in place of all of that name, and of
// those that have "_" where it has "-", which many backends take for it (RFC 3875 section 4.1.18):
// for the handler, for conditions, and for gateways that pass the request on. What the server itself has
// read stays what it was: RemoteAddr, Scheme, Host, and all that says how the message is framed,
// whose fields (RFC 9110 section 7.6.1) cannot be set, nor can Host. The error says so, or that
// name or value are none. Views that were taken of other fields stay valid.
func (r *Request) SetHeader(name, value string) error {
	r.mustLive()
	if err := r.checkEdit(name); err != nil {
		return err
	}
	if !message.ValidValue(value) {
		return fmt.Errorf("lwan: the value of the request field %q is invalid", name)
	}
	h := r.editedHead()
	h.Delete(r.buf, name, fixedFields)
	r.unlist(h, name)
	at := len(r.buf)
	r.buf = append(append(r.buf, name...), value...)
	h.Append(message.Field{
		Name: message.SpanOf(at, at+len(name)), Value: message.SpanOf(at+len(name), len(r.buf)),
		Known: message.KnownName(name),
	})
	h.Size = len(r.buf)
	return nil
}

// unlist takes name out of what Connection lists: that was about the client's own field, and who
// passes the request on would leave out the program's.
func (r *Request) unlist(h *message.Head, name string) {
	for i := range h.Fields {
		f := &h.Fields[i]
		value := string(f.Value.Of(r.buf))
		if f.Known != message.Connection || !message.HasToken([]string{value}, name) {
			continue
		}
		items := slices.DeleteFunc(strings.Split(value, ","), func(item string) bool {
			return strings.EqualFold(strings.TrimSpace(item), name)
		})
		at := len(r.buf)
		r.buf = append(r.buf, strings.TrimSpace(strings.Join(items, ","))...)
		f.Value = message.SpanOf(at, len(r.buf))
	}
}

// DelHeader makes the request one that came without fields of that name, or one that a backend
// might take for it: see SetHeader.
func (r *Request) DelHeader(name string) error {
	r.mustLive()
	if err := r.checkEdit(name); err != nil {
		return err
	}
	isOne := func(f message.Field) bool { return message.OneVariable(f.Name.Of(r.buf), name) }
	if slices.ContainsFunc(r.head.Fields, isOne) {
		r.editedHead().Delete(r.buf, name, fixedFields)
	}
	return nil
}

func (r *Request) checkEdit(name string) error {
	switch {
	case r.over():
		return ErrOver
	case !message.ValidName(name):
		return fmt.Errorf("lwan: %q is no name of a request field", name)
	case slices.Contains(fixedFields, message.KnownName(name)):
		return fmt.Errorf("lwan: the request field %q is not for handlers to change", name)
	}
	return nil
}

// fixedFields are read by the server, or by the next one in its own way.
var fixedFields = []message.Known{
	message.Host, message.ContentLength, message.TransferEncoding, message.Connection,
	message.Expect, message.Upgrade, message.TE, message.Trailer, message.KeepAlive,
	message.ProxyConnection, message.HTTP2Settings,
}

// editedHead is the request's own head, which may be changed.
func (r *Request) editedHead() *message.Head {
	r.query.reset() // what was found points into the bytes of before
	r.cookies.reset()
	if r.edited != nil {
		return &r.edited.head
	}
	remoteAddrKey.Set(r, r.RemoteAddr())
	schemeKey.Set(r, r.Scheme())
	e := &editedHead{sent: r.head, head: *r.head}
	e.head.Fields = slices.Clone(r.head.Fields)
	r.buf = slices.Clone(r.buf[:min(r.head.Size, len(r.buf))])
	r.edited, r.head = e, &e.head
	if r.plainPath() {
		r.path = alias(r.head.Path.Of(r.buf))
		r.params.Rebase(r.path)
	}
	return r.head
}
