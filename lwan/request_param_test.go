package lwan

import (
	"encoding"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

type (
	userID   int32
	label    string
	flag     bool
	ratio    float32
	octet    uint8
	position struct{ x, y int }
)

var _ encoding.TextUnmarshaler = (*position)(nil)

func (p *position) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%d,%d", &p.x, &p.y); err != nil {
		return fmt.Errorf("secret of the implementation: %w", err)
	}
	return nil
}

// show parses text as a T and describes what comes of it.
func show[T any](text string) string {
	v, err := parse[T](text)
	switch {
	case err == nil:
		return fmt.Sprintf("%v", v)
	case errors.Is(err, strconv.ErrSyntax):
		return fmt.Sprintf("%v syntax", v)
	case errors.Is(err, strconv.ErrRange):
		return fmt.Sprintf("%v range", v)
	}
	return fmt.Sprintf("%v error", v)
}

func TestParse(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"string", show[string]("a b"), "a b"},
		{"string, empty", show[string](""), ""},
		{"int", show[int]("-12"), "-12"},
		{"int, sign", show[int]("+12"), "12"},
		{"int, empty", show[int](""), "0 syntax"},
		{"int, text", show[int]("12x"), "0 syntax"},
		{"int, hexadecimal", show[int]("0x12"), "0 syntax"},
		{"int, underscore", show[int]("1_000"), "0 syntax"},
		{"int, blank", show[int](" 1"), "0 syntax"},
		{"int, too large", show[int]("99999999999999999999"), "0 range"},
		{"int64", show[int64]("-9223372036854775808"), "-9223372036854775808"},
		{"int64, too small", show[int64]("-9223372036854775809"), "0 range"},
		{"int32", show[int32]("2147483647"), "2147483647"},
		{"int32, too large", show[int32]("2147483648"), "0 range"},
		{"int16", show[int16]("-32768"), "-32768"},
		{"int8", show[int8]("127"), "127"},
		{"int8, too large", show[int8]("128"), "0 range"},
		{"uint64", show[uint64]("18446744073709551615"), "18446744073709551615"},
		{"uint64, too large", show[uint64]("18446744073709551616"), "0 range"},
		{"uint", show[uint]("7"), "7"},
		{"uint, negative", show[uint]("-7"), "0 syntax"},
		{"uint8", show[uint8]("255"), "255"},
		{"uint8, too large", show[uint8]("256"), "0 range"},
		{"uint16", show[uint16]("65535"), "65535"},
		{"uint32", show[uint32]("4294967295"), "4294967295"},
		{"float64", show[float64]("-1.5e3"), "-1500"},
		{"float64, NaN", show[float64]("NaN"), "0 syntax"},
		{"float64, infinity", show[float64]("-Inf"), "0 syntax"},
		{"float64, too large", show[float64]("1e999"), "0 range"},
		{"float32", show[float32]("0.5"), "0.5"},
		{"float32, too large", show[float32]("1e39"), "0 range"},
		{"float32, NaN", show[float32]("nan"), "0 syntax"},
		{"bool", show[bool]("true"), "true"},
		{"bool, digit", show[bool]("0"), "false"},
		{"bool, word", show[bool]("yes"), "false syntax"},
		{"duration", show[time.Duration]("1m30s"), "1m30s"},
		{"duration, no unit", show[time.Duration]("90"), "0s error"},
		{"named int", show[userID]("42"), "42"},
		{"named int, too large", show[userID]("2147483648"), "0 range"},
		{"named string", show[label]("x"), "x"},
		{"named bool", show[flag]("T"), "true"},
		{"named bool, word", show[flag]("on"), "false syntax"},
		{"named float", show[ratio]("0.25"), "0.25"},
		{"named uint", show[octet]("300"), "0 range"},
		{"time", show[time.Time]("2026-01-02T03:04:05Z"), "2026-01-02 03:04:05 +0000 UTC"},
		{"time, date", show[time.Time]("2026-01-02"), "0001-01-01 00:00:00 +0000 UTC error"},
		{"address", show[netip.Addr]("::1"), "::1"},
		{"text unmarshaler", show[position]("3,4"), "{3 4}"},
		{"text unmarshaler, text", show[position]("?"), "{0 0} error"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
	v, err := parse[big.Int]("123456789012345678901234567890")
	if err != nil || v.String() != "123456789012345678901234567890" {
		t.Errorf("big.Int: %v, %v", &v, err)
	}
}

func TestParseUnsupported(t *testing.T) {
	for name, err := range map[string]error{
		"[]string":     second(parse[[]string]("x")),
		"*int":         second(parse[*int]("1")),
		"struct {}":    second(parse[struct{}]("")),
		"complex128":   second(parse[complex128]("1")),
		"uintptr":      second(parse[uintptr]("1")),
		"interface {}": second(parse[any]("1")),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What a handler gets, with the status that the client would.
func TestParamErrors(t *testing.T) {
	tests := []struct {
		target  string
		read    func(req *Request) error
		status  Status
		message string
		cause   string // part of Err's text
	}{
		{"/items/7", param[int]("id"), 0, "", ""},
		{"/items/seven", param[int]("id"), 404, "id is not valid", "invalid syntax"},
		{"/items/99999999999999999999", param[int]("id"), 404, "id is out of range",
			"value out of range"},
		{"/items/300", param[octet]("id"), 404, "id is out of range", "value out of range"},
		{"/items/x", param[position]("id"), 404, "id is not valid", "secret of the implementation"},
		{"/items/x", param[[]int]("id"), 500, "", "[]int"},
		{"/items/7", param[int]("nr"), 500, "", "GET /items/{id}"},
		{"/items/7", param[string]("id"), 0, "", ""},
		{"/items/7", query[int]("n"), 400, "n is missing", ""},
		{"/items/7?n=", query[int]("n"), 400, "n is not valid", "invalid syntax"},
		{"/items/7?n=", query[string]("n"), 0, "", ""},
		{"/items/7?n=1", query[int]("n"), 0, "", ""},
		{"/items/7?n=1&n=x", query[int]("n"), 0, "", ""}, // the first counts
		{"/items/7?n=x", query[int]("n"), 400, "n is not valid", "invalid syntax"},
		{"/items/7?n=x", query[time.Duration]("n"), 400, "n is not valid", "invalid duration"},
		{"/items/7?n=x", query[chan int]("n"), 500, "", "chan int"},
		{"/items/7?n=256", queryOr("n", octet(1)), 400, "n is out of range", "value out of range"},
		{"/items/7?n=", queryOr("n", 1), 0, "", ""},
	}
	for _, tt := range tests {
		err := tt.read(routedRequest(t, tt.target))
		if tt.status == 0 {
			if err != nil {
				t.Errorf("%s: %v", tt.target, err)
			}
			continue
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != tt.status || e.Message != tt.message {
			t.Errorf("%s: %#v, want %d %q", tt.target, err, tt.status, tt.message)
			continue
		}
		if tt.cause != "" && (e.Err == nil || !strings.Contains(e.Err.Error(), tt.cause)) {
			t.Errorf("%s: caused by %v, want %q", tt.target, e.Err, tt.cause)
		}
	}
}

func param[T any](name string) func(*Request) error {
	return func(req *Request) error { return second(Param[T](req, name)) }
}

func query[T any](name string) func(*Request) error {
	return func(req *Request) error { return second(Query[T](req, name)) }
}

func queryOr[T any](name string, def T) func(*Request) error {
	return func(req *Request) error { return second(QueryOr(req, name, def)) }
}

// routedRequest is a request for target that has found the pattern GET /items/{id}.
func routedRequest(t testing.TB, target string) *Request {
	srv := new(Server)
	srv.Handle("GET /items/{id}", NotFound)
	core := srv.newCore()
	table, err := core.compile(&srv.Routes)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := memoryRequest(t, "GET "+target+" HTTP/1.1\nHost: h", nil)
	req.table = table
	resp := new(Response)
	resp.begin(req)
	table.dispatch(req, resp)
	return req
}

func TestParamValues(t *testing.T) {
	req := routedRequest(t, "/items/a%2Fb%20c?n=&at=2026-01-02T03:04:05Z")
	if v, err := Param[string](req, "id"); v != "a/b c" || err != nil {
		t.Errorf("id = %q, %v", v, err)
	}
	if v, err := QueryOr(req, "n", 20); v != 20 || err != nil {
		t.Errorf("n, empty: %d, %v", v, err)
	}
	if v, err := QueryOr(req, "m", 30); v != 30 || err != nil {
		t.Errorf("m, absent: %d, %v", v, err)
	}
	if v, err := Query[time.Time](req, "at"); v.Year() != 2026 || err != nil {
		t.Errorf("at = %v, %v", v, err)
	}
}

// What is returned is no view of the buffer.
func TestParamCopies(t *testing.T) {
	req := routedRequest(t, "/items/abc?n=def")
	id, err1 := Param[label](req, "id")
	n, err2 := Query[string](req, "n")
	clear(req.buf)
	if id != "abc" || n != "def" || err1 != nil || err2 != nil {
		t.Errorf("after the buffer's end: %q %v, %q %v", id, err1, n, err2)
	}
}

// The client sees the name of the parameter, and nothing of the parser.
func TestParamAnswer(t *testing.T) {
	srv := new(Server)
	srv.Handle("GET /at/{pos}", func(req *Request, resp *Response) Status {
		if _, err := Param[position](req, "pos"); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	h, err := srv.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	rec := httptest.NewRecorder()
	ToHTTP(h).ServeHTTP(rec, httptest.NewRequest("GET", "/at/nowhere", nil))
	if rec.Code != 404 || rec.Body.String() != "404 Not Found\npos is not valid\n" {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
}

func TestParamAllocations(t *testing.T) {
	req := routedRequest(t, "/items/1234567?n=89012345&t=1.5")
	for name, tt := range map[string]struct {
		read func()
		want float64
	}{
		"Param[int]":      {func() { Param[int](req, "id") }, 0},
		"Query[int64]":    {func() { Query[int64](req, "n") }, 0},
		"QueryOr[float]":  {func() { QueryOr(req, "t", 2.5) }, 0},
		"QueryOr, absent": {func() { QueryOr(req, "x", 20) }, 0},
		"Param[string]":   {func() { Param[string](req, "id") }, 1}, // the copy
	} {
		if got := testing.AllocsPerRun(100, tt.read); got != tt.want {
			t.Errorf("%s allocates %v times, want %v", name, got, tt.want)
		}
	}
}

// Whatever is taken comes back from its own text, and what is not taken leaves the zero value.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "0", "-1", "1e3", "NaN", "0x1p-2", "true", "1h", "300", "1_0", "99999999999999999999",
		"inf",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roundTrip[string](t, text)
		roundTrip[int](t, text)
		roundTrip[int8](t, text)
		roundTrip[uint64](t, text)
		roundTrip[octet](t, text)
		roundTrip[float64](t, text)
		roundTrip[ratio](t, text)
		roundTrip[bool](t, text)
		roundTrip[time.Duration](t, text)
		if text != "" { // which is an invalid address, by its own UnmarshalText
			roundTrip[netip.Addr](t, text)
		}
	})
}

func roundTrip[T comparable](t *testing.T, text string) {
	v, err := parse[T](text)
	var zero T
	if err != nil {
		if v != zero {
			t.Fatalf("%T: %q is refused (%v) and yet %v", v, text, err, v)
		}
		return
	}
	again, err := parse[T](fmt.Sprint(v))
	if err != nil || again != v {
		t.Fatalf("%T: %q is %v, which is then %v, %v", v, text, v, again, err)
	}
}

func BenchmarkParam(b *testing.B) {
	req := routedRequest(b, "/items/1234567")
	b.Run("int", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Param[int](req, "id")
		}
	})
	b.Run("named", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Param[userID](req, "id")
		}
	})
}
