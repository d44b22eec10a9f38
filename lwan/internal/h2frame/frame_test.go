package h2frame

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// frame is a frame's bytes.
func frame(t Type, flags uint8, stream uint32, payload string) []byte {
	return append(AppendHeader(nil, t, flags, stream, len(payload)), payload...)
}

// TestRules is RFC 9113 section 6, but for what depends on streams.
func TestRules(t *testing.T) {
	const (
		dep    = "\x00\x00\x00\x01\x10" // a priority: depends on stream 1
		stream = ProtocolError + 1<<16  // ends the stream
		size1  = FrameSizeError + 1<<16
		zero   = "\x00\x00\x00\x00"
		fine   = Code(1 << 20)
	)
	for name, c := range map[string]struct {
		f       Type
		flags   uint8
		stream  uint32
		sent    string
		payload string
		want    Code
	}{
		"data":                  {Data, 0, 1, "abc", "abc", fine},
		"padded data":           {Data, Padded, 1, "\x02abc\x00\x00", "abc", fine},
		"nothing but padding":   {Data, Padded, 1, "\x02\x00\x00", "", fine},
		"too much padding":      {Data, Padded, 1, "\x03\x00\x00", "", ProtocolError},
		"no length of padding":  {Data, Padded, 1, "", "", FrameSizeError},
		"data on 0":             {Data, 0, 0, "abc", "", ProtocolError},
		"headers":               {Headers, EndHeaders, 1, "abc", "abc", fine},
		"headers with all":      {Headers, 0x28, 3, "\x01" + dep + "abc\x00", "abc", fine},
		"headers, no priority":  {Headers, 0x20, 3, "\x00\x00\x00\x00", "", FrameSizeError},
		"headers, too padded":   {Headers, 0x28, 3, "\x05" + dep + "abcd", "", ProtocolError},
		"headers on itself":     {Headers, 0x20, 1, dep + "abc", "abc", stream},
		"headers on 0":          {Headers, 0, 0, "abc", "", ProtocolError},
		"priority":              {Priority, 0, 3, dep, dep, fine},
		"priority on itself":    {Priority, 0, 1, dep, dep, stream},
		"priority on 0":         {Priority, 0, 0, dep, "", ProtocolError},
		"short priority":        {Priority, 0, 3, "\x00", "\x00", size1},
		"reset":                 {RstStream, 0, 3, "\x00\x00\x00\x08", "\x00\x00\x00\x08", fine},
		"reset on 0":            {RstStream, 0, 0, "\x00\x00\x00\x08", "", ProtocolError},
		"short reset":           {RstStream, 0, 3, "\x00\x00\x08", "", FrameSizeError},
		"settings":              {SettingsType, 0, 0, "123456", "123456", fine},
		"settings ack":          {SettingsType, Ack, 0, "", "", fine},
		"settings ack, full":    {SettingsType, Ack, 0, "123456", "", FrameSizeError},
		"settings of 5":         {SettingsType, 0, 0, "12345", "", FrameSizeError},
		"settings on a stream":  {SettingsType, 0, 1, "123456", "", ProtocolError},
		"push":                  {PushPromise, 0, 1, "1234", "", ProtocolError},
		"ping":                  {Ping, 0, 0, "12345678", "12345678", fine},
		"ping of 7":             {Ping, 0, 0, "1234567", "", FrameSizeError},
		"ping on a stream":      {Ping, 0, 1, "12345678", "", ProtocolError},
		"goaway":                {GoAway, 0, 0, "12345678why", "12345678why", fine},
		"goaway of 7":           {GoAway, 0, 0, "1234567", "", FrameSizeError},
		"goaway on a stream":    {GoAway, 0, 1, "12345678", "", ProtocolError},
		"window":                {WindowUpdate, 0, 0, "\x00\x00\x00\x01", "\x00\x00\x00\x01", fine},
		"window of nothing":     {WindowUpdate, 0, 0, "\x80\x00\x00\x00", "", ProtocolError},
		"stream's of nothing":   {WindowUpdate, 0, 5, zero, zero, stream},
		"window of 3":           {WindowUpdate, 0, 5, "\x00\x00\x01", "", FrameSizeError},
		"continuation":          {Continuation, EndHeaders, 1, "abc", "abc", fine},
		"continuation on 0":     {Continuation, 0, 0, "abc", "", ProtocolError},
		"priority update":       {PriorityUpdate, 0, 0, "\x00\x00\x00\x01u", dep[:4] + "u", fine},
		"priority update of 0":  {PriorityUpdate, 0, 0, "\x00\x00\x00\x00u=1", "", ProtocolError},
		"priority update of 3":  {PriorityUpdate, 0, 0, "\x00\x00\x00", "", FrameSizeError},
		"priority update, on 1": {PriorityUpdate, 0, 1, "\x00\x00\x00\x01", "", ProtocolError},
		"unknown":               {0xbe, 0xff, 7, "abc", "abc", fine},
		"unknown, near":         {0xb, Padded, 7, "\xff", "\xff", fine},
		"too long":              {Data, 0, 1, long(MaxFrame + 1), "", FrameSizeError},
		"unknown, too long":     {0xbe, 0, 1, long(MaxFrame + 1), "", FrameSizeError},
		"longest":               {Data, 0, 1, long(MaxFrame), long(MaxFrame), fine},
	} {
		b := frame(c.f, c.flags, c.stream, c.sent)
		// what follows a frame says nothing of it
		f, n, bad := Parse(append(bytes.Clone(b), frame(Ping, 0, 0, "12345678")...))
		got := fine
		if bad.Bad() {
			if got = bad.Code; bad.Stream != 0 {
				got += 1 << 16
			}
		}
		if got != c.want || bad.Stream != 0 && bad.Stream != c.stream {
			t.Errorf("%s: %v of stream %d", name, bad, bad.Stream)
			continue
		}
		if bad.Bad() && bad.Stream == 0 {
			continue
		}
		if n != len(b) || string(f.Payload) != c.payload || f.Length != n-HeaderLen {
			t.Errorf("%s: %d bytes of %d, %q", name, n, len(b), f.Payload)
		}
		for cut := range b { // it is whole, or it is not there; only its header may be bad
			if f, n, bad := Parse(b[:cut]); n != 0 || f.Payload != nil && !bad.Bad() {
				t.Errorf("%s cut at %d: %d bytes, %v", name, cut, n, bad)
			}
		}
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		setting uint16
		value   uint32
		code    Code
		bad     bool
	}{
		{EnablePush, 0, 0, false}, {EnablePush, 1, 0, false}, {EnablePush, 2, ProtocolError, true},
		{InitialWindowSize, 0, 0, false}, {InitialWindowSize, MaxWindow, 0, false},
		{InitialWindowSize, MaxWindow + 1, FlowControlError, true},
		{MaxFrameSize, MaxFrame - 1, ProtocolError, true}, {MaxFrameSize, MaxFrame, 0, false},
		{MaxFrameSize, 1<<24 - 1, 0, false}, {MaxFrameSize, 1 << 24, ProtocolError, true},
		{NoRFC7540Priorities, 2, ProtocolError, true}, {EnableConnect, 1, 0, false},
		{HeaderTableSize, 1 << 31, 0, false}, {MaxConcurrentStreams, 0, 0, false},
		{0xfefe, 1 << 31, 0, false},
	} {
		s := DefaultSettings()
		p := AppendSettings(nil, uint32(c.setting), c.value)[HeaderLen:]
		if bad := s.Take(p); bad.Bad() != c.bad || bad.Code != c.code {
			t.Errorf("setting %d = %d: %v", c.setting, c.value, bad)
		}
	}
	s := DefaultSettings()
	p := AppendSettings(nil, uint32(InitialWindowSize), 5, uint32(MaxFrameSize), MaxFrame+5,
		uint32(InitialWindowSize), 7)
	if bad := s.Take(p[HeaderLen:]); bad.Bad() || s != (Settings{7, MaxFrame + 5}) {
		t.Errorf("%+v, %v", s, bad)
	}
}

// TestAppend reads what is written.
func TestAppend(t *testing.T) {
	goAway := AppendGoAway(nil, 7, EnhanceYourCalm, "why")
	for name, b := range map[string][]byte{
		"settings": AppendSettings(nil, 1, 2), "ack": AppendSettingsAck(nil),
		"ping": AppendPing(nil, Ack, []byte("12345678")), "goaway": goAway,
		"reset": AppendRstStream(nil, 5, Cancel), "window": AppendWindowUpdate(nil, 5, 9),
	} {
		if _, n, bad := Parse(b); n != len(b) || bad.Bad() {
			t.Errorf("%s: %d bytes of %d, %v", name, n, len(b), bad)
		}
	}
	f, _, _ := Parse(goAway)
	if last, code := f.Uint32(), binary.BigEndian.Uint32(f.Payload[4:]); last != 7 ||
		Code(code) != EnhanceYourCalm || string(f.Payload[8:]) != "why" {
		t.Errorf("GOAWAY of %d, %d, %q", last, code, f.Payload[8:])
	}
	if f, _, _ = Parse(AppendRstStream(nil, 5, Cancel)); f.Code() != Cancel || f.Stream != 5 {
		t.Errorf("reset of %d with %v", f.Stream, f.Code())
	}
}

func TestPriority(t *testing.T) {
	for value, want := range map[string]Urgency{
		"": {3, false}, "u=0": {0, false}, "u=7, i": {7, true}, "i, u=1": {1, true},
		"u=8": {3, false}, "u=-1": {3, false}, "u=1.0": {3, false}, "u": {3, false},
		"i=?0": {3, false}, "i=?1": {3, true}, "i;a=b": {3, true}, "u=2;x=1,i": {2, true},
		`a="u=1,i", u=5`: {5, false}, "\tu=4\t,\ti\t": {4, true}, "u=1, u=2": {2, false},
		"i=?2": {3, false}, ",,,": {3, false}, "=": {3, false}, `"`: {3, false},
	} {
		if got := ParsePriority([]byte(value)); got != want {
			t.Errorf("%q: %+v, want %+v", value, got, want)
		}
	}
}

func TestCodeString(t *testing.T) {
	if s := HTTP11Required.String() + " " + Code(99).String(); s != "HTTP_1_1_REQUIRED code 99" {
		t.Error(s)
	}
}
