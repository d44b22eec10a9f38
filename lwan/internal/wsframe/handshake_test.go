package wsframe

import (
	"strings"
	"testing"
)

func TestHandshake(t *testing.T) {
	// RFC 6455 section 1.3
	if got := Accept("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
	for key, want := range map[string]bool{
		"dGhlIHNhbXBsZSBub25jZQ==": true, "AAAAAAAAAAAAAAAAAAAAAA==": true,
		"": false, "dGhlIHNhbXBsZSBub25jZQ": false, "dGhlIHNhbXBsZSBub25jZTEyMzQ1": false,
		"dGhlIHNhbXBsZSBub25=":     false,
		"dGhlIHNhbXBsZSBub25jZ!==": false, "dGhlIHNhbXBsZSBub25jZTE=": false,
	} {
		if ValidKey(key) != want {
			t.Errorf("%q: %v", key, !want)
		}
	}
}

const taken = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

func TestNegotiate(t *testing.T) {
	for _, tt := range []struct{ field, want string }{
		{"", ""}, {",", ""}, {"x-webkit-deflate-frame", ""}, {"foo; bar=baz; qux", ""},
		{"permessage-deflate", taken},
		{"permessage-deflate; client_max_window_bits", taken},
		{"permessage-deflate; client_max_window_bits=10", taken},
		{`permessage-deflate; client_max_window_bits="10"`, taken},
		{"permessage-deflate;server_no_context_takeover;client_no_context_takeover", taken},
		{"permessage-deflate; server_max_window_bits=15", taken},
		{"permessage-deflate; server_max_window_bits=8", taken + "; server_max_window_bits=8"},
		{`permessage-deflate ;	server_max_window_bits = "12"`, taken +
			"; server_max_window_bits=12"},
		{"foo, permessage-deflate", taken},
		{"permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9", taken +
			"; server_max_window_bits=9"},
		{"permessage-deflate; server_max_window_bits=9, permessage-deflate", taken +
			"; server_max_window_bits=9"},
		{",, permessage-deflate ,", taken},
		// declined
		{"permessage-deflate; server_max_window_bits", ""},
		{"permessage-deflate; server_max_window_bits=7", ""},
		{"permessage-deflate; server_max_window_bits=16", ""},
		{"permessage-deflate; server_max_window_bits=08", ""},
		{"permessage-deflate; server_max_window_bits=+9", ""},
		{"permessage-deflate; client_max_window_bits=x", ""},
		{"permessage-deflate; client_no_context_takeover=1", ""},
		{"permessage-deflate; server_no_context_takeover=1", ""},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", ""},
		{"Permessage-Deflate; a=1", ""},
		// malformed
		{";", "!"}, {"permessage-deflate;", "!"}, {"permessage-deflate; =1", "!"},
		{"permessage-deflate; a=", "!"},
		{`permessage-deflate; a="`, "!"}, {`permessage-deflate; a="x y"`, "!"},
		{"permessage deflate", "!"}, {"a, (", "!"},
		{`permessage-deflate; a=""`, "!"},
	} {
		d, err := Negotiate(tt.field)
		got := ""
		switch {
		case err != nil:
			got = "!"
		case d != nil:
			got = d.Answer
			if bits := strings.TrimPrefix(got, taken+"; server_max_window_bits="); bits == "8" &&
				d.Window != 256 {
				t.Errorf("%q: a window of %d", tt.field, d.Window)
			}
		}
		if got != tt.want {
			t.Errorf("%q: %q %v, want %q", tt.field, got, err, tt.want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add(taken)
	f.Add(`a; b="c", d;e=f`)
	f.Fuzz(func(t *testing.T, field string) {
		d, err := Negotiate(field)
		if err != nil || d == nil {
			return
		}
		if !strings.Contains(field, "permessage-deflate") || d.Window < 256 || d.Window > 32<<10 {
			t.Errorf("%q: %+v", field, d)
		}
		if again, err := Negotiate(d.Answer); err != nil || again == nil ||
			again.Window != d.Window {
			t.Errorf("%q: %+v %v", d.Answer, again, err)
		}
	})
}

func TestCodes(t *testing.T) {
	for code := range 66000 {
		// The codes of the well-known suite, and the registry of IANA.
		want := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 &&
			code <= 4999
		if ValidCode(code) != want {
			t.Errorf("%d: %v", code, !want)
		}
	}
	for _, tt := range []struct {
		code   int
		reason string
		want   string
	}{
		{1005, "not sent", ""}, {1000, "", "\x03\xe8"}, {1001, "bye", "\x03\xe9bye"},
		{1000, strings.Repeat("x", 200), "\x03\xe8" + strings.Repeat("x", 123)},
		{1000, strings.Repeat("x", 122) + "é", "\x03\xe8" + strings.Repeat("x", 122)},
		{1000, strings.Repeat("x", 121) + "é", "\x03\xe8" + strings.Repeat("x", 121) + "é"},
	} {
		got := AppendClose(nil, tt.code, tt.reason)
		if string(got) != tt.want {
			t.Errorf("%d %q: %q", tt.code, tt.reason, got)
		}
		code, reason, err := ParseClose(got)
		if code != tt.code || err != nil || !strings.HasPrefix(tt.reason, string(reason)) {
			t.Errorf("%q: %d %q %v", got, code, reason, err)
		}
	}
	for payload, want := range map[string]error{
		"\x03": errCloseCode, "\x00\x00": errCloseCode, "\x03\xed": errCloseCode,
		"\x03\xe8\xff": errCloseReason, "\x03\xe8\xce": errCloseReason,
	} {
		if _, _, err := ParseClose([]byte(payload)); err != want {
			t.Errorf("%q: %v", payload, err)
		}
	}
}
