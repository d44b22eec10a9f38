package logring

import (
	"context"
	"log/slog"
	"slices"
)

// handler is a slog.Handler behind a ring.
type handler struct {
	ring *Ring
	to   slog.Handler
}

// Enabled implements slog.Handler. It asks the log there and then: slog has it that this costs next
// to nothing.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

// Handle implements slog.Handler. It never waits for the log once the ring has started.
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if !h.ring.started.Load() {
		return h.to.Handle(ctx, record)
	}
	h.ring.take(entry{to: h.to, ctx: context.WithoutCancel(ctx), record: fixed(record)})
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.ring, h.to.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.ring, h.to.WithGroup(name)}
}

// fixed is the record with values that do not change any more.
func fixed(record slog.Record) slog.Record {
	out := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		a.Value = fixedValue(a.Value)
		out.AddAttrs(a)
		return true
	})
	return out
}

func fixedValue(v slog.Value) slog.Value {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindGroup:
		group := slices.Clone(v.Group())
		for i := range group {
			group[i].Value = fixedValue(group[i].Value)
		}
		return slog.GroupValue(group...)
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.AnyValue(fixedError{err, textOf(err)})
		}
	}
	return v
}

// fixedError is an error whose text was taken when it happened.
type fixedError struct {
	error
	text string
}

func (e fixedError) Error() string { return e.text }
func (e fixedError) Unwrap() error { return e.error }

// textOf is the error's text; the panic of one that has none.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "lwan: an error whose text cannot be had"
		}
	}()
	return err.Error()
}
