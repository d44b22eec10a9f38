package fcgi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Errors of Output.
var (
	// ErrRecord is returned for a record that cannot be part of an answer: of another version,
	// another request, or a type that applications do not send.
	ErrRecord = errors.New("fcgi: malformed record")
	// ErrOverloaded: the application has enough to do (FCGI_OVERLOADED).
	ErrOverloaded = errors.New("fcgi: the application is overloaded")
	// ErrRefused: the application does not take the request, for another reason.
	ErrRefused = errors.New("fcgi: the application refuses the request")
)

// Output reads what an application writes to its standard output, from the records that src yields.
// The zero value is no use; Reset makes it ready, and is made to be called again.
//
// Read returns io.EOF at the end that the application has declared, io.ErrUnexpectedEOF when src
// ends before that, or one of the errors above. All are sticky.
type Output struct {
	src    io.Reader
	stderr func(p []byte) // what comes on standard error; it must not keep p

	buf   []byte // of which [r:w] is not read yet
	r, w  int
	left  int   // of the record's content
	pad   int   // behind it
	kind  Type  // of the record
	begun bool  // anything came
	err   error // sticky
	state uint32
	over  bool // END_REQUEST was read
}

const bufferSize = 8 << 10

// Reset makes o ready to read an answer from src. It keeps its buffer.
func (o *Output) Reset(src io.Reader, stderr func(p []byte)) {
	buf := o.buf
	if buf == nil {
		buf = make([]byte, bufferSize)
	}
	*o = Output{src: src, stderr: stderr, buf: buf}
}

// Begun reports whether the application has answered anything.
func (o *Output) Begun() bool { return o.begun }

// Buffered reports whether Read may have something to say without a read of src.
func (o *Output) Buffered() bool { return o.r < o.w || o.over || o.err != nil }

// Clean reports whether the answer has ended, and nothing came behind it.
func (o *Output) Clean() bool { return o.over && o.err == io.EOF && o.r == o.w }

// ExitStatus is what the application returns, once it has ended.
func (o *Output) ExitStatus() uint32 { return o.state }

// Read reads standard output.
func (o *Output) Read(p []byte) (int, error) {
	if len(p) == 0 || o.err != nil {
		return 0, o.err
	}
	for {
		if o.left > 0 && o.kind == stdout {
			n, err := o.content(p)
			if n == 0 {
				o.err = err
			}
			return n, o.err
		}
		if o.err = o.step(); o.err != nil {
			return 0, o.err
		}
	}
}

// Early reads what is there while the request is still being sent, and reports whether the
// application answers already, or has failed: what it says on standard error is no answer. readable
// reports whether src has something to read without a wait.
func (o *Output) Early(readable func() bool) (answered bool) {
	for o.err == nil && !o.over {
		inside := o.left > 0 || o.pad > 0 // of a record
		need := headSize
		if inside {
			need = 1
		}
		if o.w-o.r < need {
			if !readable() {
				return false
			}
			o.w, o.r = copy(o.buf, o.buf[o.r:o.w]), 0
			o.err = o.more()
			continue
		}
		kind := o.kind
		if !inside {
			kind = Type(o.buf[o.r+1])
		}
		if kind != stderr {
			return true
		}
		o.err = o.step()
	}
	return true
}

// content reads up to len(p) bytes of the record: without a copy where p is large.
func (o *Output) content(p []byte) (n int, err error) {
	p = p[:min(len(p), o.left)]
	if o.r == o.w && len(p) >= len(o.buf)/2 {
		n, err = o.src.Read(p)
		if n == 0 {
			return 0, unexpected(err)
		}
	} else {
		if err := o.fill(1); err != nil {
			return 0, err
		}
		n = copy(p, o.buf[o.r:o.w])
		o.r += n
	}
	o.left -= n
	return n, nil
}

// fill makes sure that n bytes are in the buffer.
func (o *Output) fill(n int) error {
	if o.w-o.r >= n {
		return nil
	}
	o.w, o.r = copy(o.buf, o.buf[o.r:o.w]), 0
	for o.w < n {
		if err := o.more(); err != nil {
			return err
		}
	}
	return nil
}

// more reads what comes into the buffer, which has room.
func (o *Output) more() error {
	m, err := o.src.Read(o.buf[o.w:])
	o.w += m
	o.begun = o.begun || m > 0
	if m == 0 && err != nil {
		return unexpected(err)
	}
	return nil
}

func unexpected(err error) error {
	switch err {
	case nil:
		return io.ErrNoProgress
	case io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// step goes to the next record, or through what is of no use to the reader.
func (o *Output) step() error {
	switch {
	case o.left > 0 && o.kind == stderr:
		return o.tell()
	case o.left > 0: // content behind the end of a request
		return ErrRecord
	case o.pad > 0:
		if err := o.fill(1); err != nil {
			return err
		}
		n := min(o.pad, o.w-o.r)
		o.r, o.pad = o.r+n, o.pad-n
		return nil
	case o.over:
		return io.EOF
	}
	return o.record()
}

// record reads the head of a record.
func (o *Output) record() error {
	if err := o.fill(headSize); err != nil {
		return err
	}
	h := o.buf[o.r : o.r+headSize]
	o.kind, o.left, o.pad = Type(h[1]), int(binary.BigEndian.Uint16(h[4:])), int(h[6])
	id := binary.BigEndian.Uint16(h[2:])
	if h[0] != version || id != requestID {
		return fmt.Errorf("%w: version %d, request %d", ErrRecord, h[0], id)
	}
	o.r += headSize
	switch o.kind {
	case stdout, stderr:
		return nil
	case endRequest:
		return o.end()
	}
	return fmt.Errorf("%w: type %d", ErrRecord, o.kind)
}

// tell passes on what came on standard error.
func (o *Output) tell() error {
	if err := o.fill(1); err != nil {
		return err
	}
	n := min(o.left, o.w-o.r)
	if o.stderr != nil {
		o.stderr(o.buf[o.r : o.r+n])
	}
	o.r, o.left = o.r+n, o.left-n
	return nil
}

// end reads the content of END_REQUEST (section 5.5).
func (o *Output) end() error {
	const size = 8
	if o.left != size {
		return fmt.Errorf("%w: an end of %d bytes", ErrRecord, o.left)
	}
	if err := o.fill(size); err != nil {
		return err
	}
	o.state = binary.BigEndian.Uint32(o.buf[o.r:])
	why := o.buf[o.r+4]
	o.r, o.left = o.r+size, 0
	switch why {
	case 0:
		o.over = true
		return nil
	case 2:
		return ErrOverloaded
	}
	return fmt.Errorf("%w: protocol status %d", ErrRefused, why)
}
