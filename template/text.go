package template

// text is what stands in the template itself.
type text struct {
	s      string
	starts []int // where the indentation of a standalone partial goes
}

func (t *text) render(st *state) error {
	indent := st.indents[st.indent:]
	if len(indent) == 0 || len(t.starts) == 0 {
		return st.write(t.s)
	}
	from := 0
	for _, at := range t.starts {
		if err := st.write(t.s[from:at]); err != nil {
			return err
		}
		st.buf = append(st.buf, indent...)
		from = at
	}
	return st.write(t.s[from:])
}
