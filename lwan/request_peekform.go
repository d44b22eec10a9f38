package lwan

import (
	"io"
	"mime/multipart"
	"strings"
)

// PeekForm is a value of the form that the body is, for middleware that needs it before the
// handler, as a token against forged requests is: afterwards the body can be read as if PeekForm
// had not been called, by Form, Parts, Body or whatever else. An urlencoded form is read as a
// whole. Of a multipart one only what comes before the first file is looked at, and no more than
// Limits.FormMemory (64 KiB): a page puts such a field first, and its files may be of any size. It
// parks while the body comes in.
//
// It is "" if there is no such value there, or if the body is no form at all. The errors are those
// of Form; after Parts or Body have begun there is an error of status 500.
func (r *Request) PeekForm(name string) (string, error) {
	r.mustLive()
	if err := r.enter(); err != nil {
		return "", err
	}
	defer r.term.leave()
	contentType := r.headerView("Content-Type")
	multi := strings.EqualFold(mediaType(contentType), typeMultipartForm)
	known := r.form.Load()
	switch {
	case known == nil && multi && r.formVia() == nil:
		return r.peekParts(name, string(contentType))
	case known == nil && !multi && !strings.EqualFold(mediaType(contentType), typeEncodedForm):
		return "", nil
	}
	f, err := r.Form()
	if err != nil {
		return "", err
	}
	return f.Get(name), nil
}

// peekParts looks for a value in the beginning of a multipart form, and puts back what it has read.
func (r *Request) peekParts(name, contentType string) (string, error) {
	b := &r.body
	if b.begun && !b.full {
		return "", errBodyBegun
	}
	boundary, err := boundaryOf(contentType)
	if err == nil {
		err = r.refuseCoding()
	}
	if err != nil {
		return "", err
	}
	seen := &peekedBody{body: r.Body(), max: max(r.limits.FormMemory, 0)}
	defer func() {
		if b.full {
			b.read = 0
		} else {
			b.again = append(seen.read, b.again...)
		}
		b.begun = false
	}()
	w := &partWalk{src: partSource{body: seen}, max: r.limits.FormParts}
	w.reader = multipart.NewReader(&w.src, boundary)
	value, err := w.valueBeforeFiles(name)
	if err == io.EOF || w.src.err == errPeekedEnough {
		return "", nil
	}
	return value, err
}

// valueBeforeFiles is the first value of that name; io.EOF: there is none before the first file.
func (w *partWalk) valueBeforeFiles(name string) (string, error) {
	for {
		part, err := w.next()
		if err != nil {
			return "", err
		}
		if part.FileName() != "" {
			return "", io.EOF
		}
		if part.FormName() != name {
			continue
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return "", w.src.explain(err)
		}
		return string(value), nil
	}
}

// peekedBody is the beginning of a body, which is kept.
type peekedBody struct {
	body io.Reader
	read []byte
	max  int64
}

// errPeekedEnough ends a look into a form: it is not seen outside.
var errPeekedEnough = &Error{Status: StatusTooLarge, Message: "the field comes too late"}

func (p *peekedBody) Read(to []byte) (int, error) {
	left := p.max - int64(len(p.read))
	if left <= 0 {
		return 0, errPeekedEnough
	}
	n, err := p.body.Read(to[:min(int64(len(to)), left)])
	p.read = append(p.read, to[:n]...)
	return n, err
}
