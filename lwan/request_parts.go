package lwan

import (
	"io"
	"iter"
	"mime/multipart"
	"strings"
)

// maxPartHead is how many bytes the boundary and header of a part may have in Parts; a read
// buffer's worth more may slip through.
const maxPartHead = 32 << 10

// partBuffer is what mime/multipart reads at a time, at most.
const partBuffer = 4 << 10

var errPartHead = &Error{Status: StatusBadRequest, Message: "the header of a part is too long"}

// Parts walks over the parts of a multipart body as they come in: for files of any size, up to
// Limits.Body for all of it. A part is an io.Reader, which parks, and is valid until the next one
// is asked for; what is left of it is skipped. A Content-Transfer-Encoding (which RFC 7578 section
// 4.7 deprecates) is not undone.
//
// The sequence ends with an error, if there is one: ErrTooLarge (413), also after Limits.FormParts
// parts; an *Error of status 400 for a malformed body, and 415 if the Content-Type is not multipart
// or there is a Content-Encoding; or what ended the request. Errors of Read may be given to Fail
// too. Any multipart type is read, since unknown ones are to be taken for mixed (RFC 2046 section
// 5.1.7). Parts and Form cannot both be used, and Parts only once.
func (r *Request) Parts() iter.Seq2[*multipart.Part, error] {
	r.mustLive()
	return func(yield func(*multipart.Part, error) bool) {
		w, err := r.partWalk()
		for err == nil {
			var part *multipart.Part
			if part, err = w.next(); err == nil && !yield(part, nil) {
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}

// partWalk is a walk over the parts of a body.
type partWalk struct {
	src    partSource
	reader *multipart.Reader
	part   *multipart.Part // the last one
	parts  int
	max    int
}

func (r *Request) partWalk() (*partWalk, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.term.leave()
	if r.form.Load() != nil {
		return nil, errBodyFormed
	}
	contentType := r.Header("Content-Type")
	t := mediaType(r.headerView("Content-Type"))
	if len(t) < 10 || !strings.EqualFold(t[:10], "multipart/") {
		return nil, &Error{
			Status: StatusUnsupportedMediaType, Message: "the body must be a multipart one",
		}
	}
	boundary, err := boundaryOf(contentType)
	if err == nil {
		err = r.refuseCoding()
	}
	if err != nil {
		return nil, err
	}
	r.form.Store(&Form{parted: true})
	w := &partWalk{src: partSource{body: r.Body()}, max: r.limits.FormParts}
	w.reader = multipart.NewReader(&w.src, boundary)
	return w, nil
}

// next skips the rest of the last part and reads the header of the next. io.EOF: that was the last
// one.
func (w *partWalk) next() (*multipart.Part, error) {
	if w.part != nil {
		if _, err := io.Copy(io.Discard, w.part); err != nil {
			return nil, w.src.explain(err)
		}
	}
	w.src.limited, w.src.left = true, maxPartHead+partBuffer
	part, err := w.reader.NextRawPart()
	w.src.limited = false
	switch {
	case err == io.EOF:
		return nil, err
	case err != nil:
		return nil, w.src.explain(err)
	case w.parts == w.max:
		return nil, tooManyFields()
	}
	w.part = part
	w.parts++
	return part, nil
}
