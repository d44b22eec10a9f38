package lwan

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"mime/multipart"
	"strings"
)

const (
	typeEncodedForm   = "application/x-www-form-urlencoded"
	typeMultipartForm = "multipart/form-data"
)

// Form is a body that a page's form has sent. It is valid until the handler returns; strings from
// it may be kept. The query is no part of it.
type Form struct {
	encoded pairs           // of an urlencoded body; views of what BodyBytes has read
	parts   *multipart.Form // of a multipart body
	err     error           // why there is no form: the answer to a second call
	parted  bool            // there is no form: Parts has the body
	limits  Limits
	log     *slog.Logger
	pool    *goroutines // where files are removed
}

// Get is the first value of that name; "" if there is none. The content of files is no value.
func (f *Form) Get(name string) string {
	if f.parts != nil {
		if values := f.parts.Value[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	value, _ := f.encoded.find(name)
	return strings.Clone(value)
}

// All is the values of that name, in order; nil if there is none.
func (f *Form) All(name string) []string {
	if f.parts != nil {
		return append([]string(nil), f.parts.Value[name]...)
	}
	return f.encoded.all(name)
}

// File is the first file of that name; false if there is none. Its Filename, without directories,
// and its Content-Type are what the client claims. A file over Limits.FormMemory is on disk, where
// Open, Read and Close block: call them in Await or in a Blocking handler. It is removed when the
// request is over, so copy files that should stay.
func (f *Form) File(name string) (*multipart.FileHeader, bool) {
	if f.parts == nil {
		return nil, false
	}
	files := f.parts.File[name]
	if len(files) == 0 {
		return nil, false
	}
	return files[0], true
}

// Form reads the body as a form: application/x-www-form-urlencoded or multipart/form-data (RFC
// 7578), as its Content-Type says. It parks while the body comes in. A second call returns the
// same.
//
// A body over Limits.Body is ErrTooLarge (413), and so is one of more pairs or parts than
// Limits.FormPairs and FormParts allow, or a multipart form whose values, names and part headers
// together take more than 10 MiB. Malformed forms, an urlencoded one with a semicolon or an invalid
// escape among them, are an *Error of status 400; another Content-Type, or none, or a
// Content-Encoding, is one of 415.
//
// Files of a multipart form are kept in memory up to Limits.FormMemory together. Larger ones are
// written to os.TempDir, away from the loop, and removed when the request is over. For files that
// are meant to be large see Parts.
func (r *Request) Form() (*Form, error) {
	r.mustLive()
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.term.leave()
	if f := r.form.Load(); f != nil {
		switch {
		case f.parted:
			return nil, errBodyParted
		case f.err != nil:
			return nil, f.err
		}
		return f, nil
	}
	if f := r.formVia(); f != nil {
		return r.keepForm(f)
	}
	if err := r.refuseCoding(); err != nil {
		return nil, err
	}
	contentType := r.headerView("Content-Type")
	switch t := mediaType(contentType); {
	case strings.EqualFold(t, typeEncodedForm):
		return r.encodedForm()
	case strings.EqualFold(t, typeMultipartForm):
		return r.multipartForm(string(contentType))
	}
	return nil, &Error{Status: StatusUnsupportedMediaType, Message: "the body must be a form"}
}

var (
	errBodyParted = errors.New("lwan: Form was called after Parts: the body is read already")
	errBodyFormed = errors.New("lwan: Parts was called after Form, or a second time: the body is " +
		"read already")
)

// keepForm makes f the result of this call of Form and of later ones.
func (r *Request) keepForm(f *Form) (*Form, error) {
	r.form.Store(f)
	if r.term.bars() { // the handler has ended meanwhile, and nobody may look for it any more
		r.dropForm()
	}
	if f.err != nil {
		return nil, f.err
	}
	return f, nil
}

// dropForm removes what the form has on disk.
func (r *Request) dropForm() {
	if r.form.Load() == nil {
		return
	}
	if f := r.form.Swap(nil); f != nil {
		f.remove()
	}
}

func (r *Request) encodedForm() (*Form, error) {
	data, err := r.BodyBytes()
	if err != nil {
		return nil, err
	}
	f := new(Form)
	switch f.encoded.decode(data, r.limits.FormPairs) {
	case encodedMalformed:
		f.err = &Error{Status: StatusBadRequest, Message: "the form is malformed"}
	case encodedTooMany:
		f.err = tooManyFields()
	}
	return r.keepForm(f)
}

func tooManyFields() error {
	return &Error{Status: StatusTooLarge, Message: "the form has too many fields", Err: ErrTooLarge}
}

// multipartForm lets mime/multipart read the form, which alone can make a FileHeader. It writes to
// disk when there is a lot to keep, so that is done on a goroutine, unless so little was announced
// that none of it can get to the disk.
func (r *Request) multipartForm(contentType string) (*Form, error) {
	boundary, err := boundaryOf(contentType)
	if err != nil {
		return nil, err
	}
	f := &Form{limits: r.limits, log: r.ownLog(), pool: r.table.core.goroutine}
	n := r.body.length
	if n >= 0 && n <= min(f.limits.FormMemory, defaultMemory) || !r.on.Inline() {
		f.read(r.Body(), boundary)
	} else if err := r.readOffLoop(func(body io.Reader) { f.read(body, boundary) }); err != nil {
		return nil, err
	}
	return r.keepForm(f)
}

// read reads the whole of a multipart form.
func (f *Form) read(body io.Reader, boundary string) {
	src := &partSource{body: body}
	parts, err := multipart.NewReader(src, boundary).ReadForm(f.limits.FormMemory)
	if err != nil {
		f.err = src.explain(err)
		return
	}
	f.parts = parts
	if f.count() > f.limits.FormParts { // more than 1000 were refused before they were read
		f.err = tooManyFields()
	}
}

// count is how many parts there are.
func (f *Form) count() (n int) {
	for _, values := range f.parts.Value {
		n += len(values)
	}
	for _, files := range f.parts.File {
		n += len(files)
	}
	return n
}

func (r *Request) readOffLoop(read func(body io.Reader)) error {
	if err := r.beginWait(); err != nil {
		return err
	}
	if !r.on.Inline() {
		read(r.Body())
		return nil
	}
	return r.outside(func() error { return r.x.readBeside(read) })
}

// remove takes the files off the disk, on a goroutine: to free the blocks of a large file takes
// long. It is called when the request is over.
func (f *Form) remove() {
	if f.parts == nil || !f.spooled() {
		return
	}
	parts, log := f.parts, f.log
	clean := func() {
		if err := parts.RemoveAll(); err != nil {
			log.Error("a temporary file of a form stays behind", "err", err)
		}
	}
	if !f.pool.run(clean) {
		clean() // the pool is full: better late than never
	}
}

// spooled reports whether there are files on disk: exactly when their contents do not fit into
// memory.
func (f *Form) spooled() bool {
	size := int64(0)
	for _, files := range f.parts.File {
		for _, file := range files {
			size += file.Size
		}
	}
	return size > f.limits.FormMemory
}

// boundaryOf is the boundary of a multipart type (RFC 2046 section 5.1.1).
func boundaryOf(contentType string) (string, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return "", &Error{
			Status: StatusBadRequest, Message: "the Content-Type of the form has no valid boundary",
			Err: err,
		}
	}
	return params["boundary"], nil
}

// partSource is the body as mime/multipart reads it. It remembers what went wrong with the body
// itself, so that this can be told from a malformed form, and holds back when a part's header does
// not end.
type partSource struct {
	body    io.Reader
	err     error // of the body, or errPartHead
	limited bool  // only left more bytes
	left    int
}

func (s *partSource) Read(p []byte) (int, error) {
	if s.limited {
		if s.left == 0 {
			s.err = errPartHead
			return 0, s.err
		}
		p = p[:min(len(p), s.left)]
	}
	n, err := s.body.Read(p)
	s.left -= n
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explain finds the status of what mime/multipart has returned.
func (s *partSource) explain(err error) error {
	if s.err != nil {
		return s.err // knows its status
	}
	if errors.Is(err, multipart.ErrMessageTooLarge) {
		return tooManyFields()
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		// our disk: not the client's fault, whatever the cause
		return &Error{Status: StatusInternalServerError, Err: err}
	}
	return &Error{Status: StatusBadRequest, Message: "the form is malformed", Err: err}
}
