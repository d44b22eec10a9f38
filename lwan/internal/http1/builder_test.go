package http1

import (
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// draft is a request that is written as text and parsed, and given to a Builder part by part.
type draft struct {
	method, target string
	minor          uint8
	fields         [][2]string
}

func (d *draft) text() []byte {
	b := []byte(d.method + " " + d.target + " HTTP/1." + string('0'+rune(d.minor)) + "\r\n")
	for _, f := range d.fields {
		b = AppendField(b, f[0], f[1])
	}
	return append(b, "\r\n"...)
}

func (d *draft) build(h *message.Head, lim *message.Limits) ([]byte, message.Error) {
	var b message.Builder
	b.Begin(h, nil, lim)
	if err := b.Line(d.method, d.target, d.minor); err.Status != 0 {
		return nil, err
	}
	for _, f := range d.fields {
		if err := b.Add(f[0], f[1]); err.Status != 0 {
			return nil, err
		}
	}
	return b.End()
}

// isText tells that no part of the request line would be read as more than one.
func (d *draft) isText() bool {
	blank := func(c rune) bool { return c <= ' ' }
	return !strings.ContainsFunc(d.method+d.target, blank)
}

// draftOf takes a draft out of the text of a head, whole or not.
func draftOf(in string) *draft {
	line, fields, _ := strings.Cut(in, "\r\n")
	d := &draft{minor: 1}
	d.method, d.target, _ = strings.Cut(line, " ")
	var version string
	if d.target, version, _ = strings.Cut(d.target, " "); strings.HasSuffix(version, "1.0") {
		d.minor = 0
	}
	for line := range strings.SplitSeq(fields, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			d.fields = append(d.fields, [2]string{name, value})
		}
	}
	return d
}

// FuzzBuilder holds the Builder to the parser: what one refuses the other refuses with the same
// status, and they make the same head.
func FuzzBuilder(f *testing.F) {
	for i, in := range splitSamples() {
		f.Add([]byte(in), uint64(i))
	}
	for _, golden := range goldenRequests(f) {
		f.Add(golden.raw, uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		d := draftOf(string(in))
		compareBuilt(t, d, &message.Limits{Line: 1 << 20, Fields: 1 << 20, Count: 1 << 12})
		compareBuilt(t, d, &message.Limits{
			Line: 1 + int(seed%60), Fields: 1 + int(seed>>8%200), Count: 1 + int(seed>>16%6),
		})
	})
}

func compareBuilt(t *testing.T, d *draft, lim *message.Limits) {
	t.Helper()
	var parsed, built message.Head
	text := d.text()
	verdict, want := Parse(text, &parsed, lim, &Resume{})
	buf, got := d.build(&built, lim)
	over := got.Status == 414 || got.Status == 431 || want.Status == 414 || want.Status == 431
	switch {
	case !d.isText():
		if got.Status == 0 {
			t.Errorf("%q: built", text)
		}
	case got.Status != want.Status && !(over && got.Status != 0 && want.Status != 0):
		// of a fault and a limit the parser tells that which shows first
		t.Errorf("%q: built %v, parsed %v", text, got, want)
	case got.Status == 0 && (verdict != Done || parsed.Size != len(text)):
		t.Errorf("%q: verdict %d after %d bytes", text, verdict, parsed.Size)
	case got.Status == 0:
		compareParts(t, &built, buf, &parsed, text)
	}
}

func compareParts(t *testing.T, built *message.Head, buf []byte, parsed *message.Head,
	text []byte) {
	t.Helper()
	if got, want := summary(built, string(buf)), summary(parsed, string(text)); got != want {
		t.Errorf("%q: built %s, parsed %s", text, got, want)
	}
	if got, want := fieldsOf(built, buf), fieldsOf(parsed, text); !slices.Equal(got, want) {
		t.Errorf("%q: built %q, parsed %q", text, got, want)
	}
	for _, f := range parsed.Fields {
		name := string(f.Name.Of(text))
		got, gotOK := built.Value(buf, name)
		want, wantOK := parsed.Value(text, name)
		if string(got) != string(want) || gotOK != wantOK {
			t.Errorf("%q: %s is %q, %v built, %q, %v parsed", text, name, got, gotOK, want, wantOK)
		}
	}
	checkInvariants(t, built, buf)
}

// fieldsOf shows the fields of a head.
func fieldsOf(h *message.Head, buf []byte) (fields []string) {
	for _, f := range h.Fields {
		name, value := string(f.Name.Of(buf)), string(f.Value.Of(buf))
		fields = append(fields, name+"/"+f.Known.String()+"="+value)
	}
	return fields
}
