package template

import "io"

// Page is a template with its data, ready to be rendered any number of times.
// The zero value renders nothing and returns an error.
type Page struct {
	content interface {
		contentType() string
		renderTo(w io.Writer) error
	}
}

// bound is what a Page holds; it hides the type of the data.
type bound[T any] struct {
	t    *Template[T]
	data T
}

func (b *bound[T]) contentType() string {
	if b.t.text {
		return textType
	}
	return htmlType
}

func (b *bound[T]) renderTo(w io.Writer) error { return b.t.Render(w, b.data) }

const (
	htmlType = "text/html; charset=utf-8"
	textType = "text/plain; charset=utf-8"
)

// ContentType is a value for the field Content-Type (RFC 9110, section 8.3):
// HTML, or plain text if the set says Text.
func (p Page) ContentType() string {
	if p.content == nil {
		return textType
	}
	return p.content.contentType()
}

// RenderTo writes the page to w; see Template.Render.
func (p Page) RenderTo(w io.Writer) error {
	if p.content == nil {
		return errNotCompiled
	}
	return p.content.renderTo(w)
}
