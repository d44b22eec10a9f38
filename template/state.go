package template

import (
	"io"
	"reflect"
	"runtime/debug"
)

const (
	// flushAt is how much output is held before it is handed to the writer. No
	// piece that is added is longer, so the pooled buffer stays below twice that.
	flushAt = 32 << 10

	// maxDepth bounds recursive partials, maxLambdas lambdas inside lambdas.
	maxDepth   = 1000
	maxLambdas = 32
)

// state is one rendering. It is pooled with its buffer and its frames, so that
// a rendering allocates nothing of its own.
type state struct {
	buf []byte
	w   io.Writer // nil while the output of a lambda is collected

	top  *frame // the context stack
	free *frame // frames for later use

	indents []byte // indentation of the partials that are open, one after the other
	indent  int    // where that of the innermost partial begins

	produced []bool // which sequences gave something, by slot
	depth    int
	lambdas  int
	failed   error     // ErrDepth: not to be swallowed by a lambda
	at       *position // the tag whose data is being asked, for a panic
	writing  bool      // in the writer: a panic there is not ours to keep
}

// frame is one level of the context stack. joined says that the frame below
// belongs to the same run of dynamic frames.
type frame struct {
	v      reflect.Value
	parent *frame
	joined bool
}

// run renders a program. A panic of the data becomes an error; one of the
// writer goes on, and this state is then lost to the pool.
func (st *state) run(p *program, w io.Writer, data reflect.Value) (err error) {
	st.w = w
	if cap(st.produced) < p.slots {
		st.produced = make([]bool, p.slots)
	}
	st.produced = st.produced[:p.slots]
	st.at = p.start
	defer func() {
		if !st.writing {
			if v := recover(); v != nil {
				err = st.at.wrap(&PanicError{v, debug.Stack()})
			}
		}
		st.reset(err == nil)
	}()
	st.push(indirect(data), false)
	if err := p.root.render(st); err != nil {
		return err
	}
	st.pop()
	return st.flush()
}

// reset forgets the data, so that the pool keeps none of it alive. Frames of
// a rendering that broke off are left to the collector.
func (st *state) reset(whole bool) {
	st.w, st.at, st.failed, st.top = nil, nil, nil, nil
	st.depth, st.lambdas, st.indent = 0, 0, 0
	st.buf, st.indents = st.buf[:0], st.indents[:0]
	if !whole {
		st.free = nil
	}
}

// frame gives the frame of the scope that lies up levels below the top; a run
// of dynamic frames is one level.
func (st *state) frame(up int) *frame {
	f := st.top
	for range up {
		for f.joined {
			f = f.parent
		}
		f = f.parent
	}
	return f
}

func (st *state) push(v reflect.Value, joined bool) *frame {
	f := st.free
	if f == nil {
		f = new(frame)
	} else {
		st.free = f.parent
	}
	f.v, f.parent, f.joined = v, st.top, joined
	st.top = f
	return f
}

func (st *state) pop() {
	f := st.top
	st.top = f.parent
	f.v, f.parent = reflect.Value{}, st.free
	st.free = f
}

// flush hands the output to the writer; a lambda's output stays.
func (st *state) flush() error {
	if st.w == nil || len(st.buf) == 0 {
		return nil
	}
	st.writing = true
	n, err := st.w.Write(st.buf)
	st.writing = false
	if err == nil && n != len(st.buf) {
		err = io.ErrShortWrite
	}
	st.buf = st.buf[:0]
	return err
}

// flushFull flushes when enough has gathered.
func (st *state) flushFull() error {
	if len(st.buf) < flushAt {
		return nil
	}
	return st.flush()
}

// write adds text as it is. Long text goes in pieces, so that the buffer stays
// small.
func (st *state) write(s string) error {
	for len(s) > flushAt {
		st.buf = append(st.buf, s[:flushAt]...)
		s = s[flushAt:]
		if err := st.flushFull(); err != nil {
			return err
		}
	}
	st.buf = append(st.buf, s...)
	return st.flushFull()
}

// writeEscaped adds text with the characters of HTML replaced.
func (st *state) writeEscaped(s string) error {
	const piece = flushAt / longestEscape
	for len(s) > piece {
		st.buf = appendEscaped(st.buf, s[:piece])
		s = s[piece:]
		if err := st.flushFull(); err != nil {
			return err
		}
	}
	st.buf = appendEscaped(st.buf, s)
	return st.flushFull()
}
