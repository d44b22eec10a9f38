package lwan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type goodsItem struct {
	Name  string     `json:"name"`
	Price int8       `json:"price"`
	Tags  []string   `json:"tags"`
	Since time.Time  `json:"since"`
	Inner *goodsItem `json:"inner"`
}

func jsonRequest(t testing.TB, contentType, body string) *Request {
	head := fmt.Sprintf("POST / HTTP/1.1\nHost: h\nContent-Length: %d", len(body))
	if contentType != "" {
		head += "\nContent-Type: " + contentType
	}
	req, _ := memoryRequest(t, head, strings.NewReader(body))
	return req
}

func TestReadJSON(t *testing.T) {
	tests := []struct {
		contentType, body string
		status            Status
		message           string
	}{
		{"application/json", `{"name":"x","price":3}`, 0, ""},
		{"application/json; charset=utf-8", ` {"name":"x"} ` + "\n", 0, ""},
		{"Application/JSON", `{}`, 0, ""},
		{"application/vnd.shop+json;v=1", `{}`, 0, ""},
		{"", `{}`, 0, ""},
		{"application/json", `{"unknown":1}`, 0, ""},
		{"text/plain", `{}`, 415, "the body must be of type application/json"},
		{"application/jsonp", `{}`, 415, "the body must be of type application/json"},
		{"text/plain; application/json", `{}`, 415, "the body must be of type application/json"},
		{"+json", `{}`, 415, "the body must be of type application/json"},
		{"application/json", "", 400, "the body is empty, JSON is expected"},
		{"application/json", " \r\n", 400, "the body is empty, JSON is expected"},
		{"application/json", `{"name":`, 400,
			"the body is no valid JSON at byte 8: unexpected end of JSON input"},
		{"application/json", `{"name":x}`, 400, "the body is no valid JSON at byte 9: invalid " +
			"character 'x' looking for beginning of value"},
		{"application/json", `{} {}`, 400,
			"the body is no valid JSON at byte 4: invalid character '{' after top-level value"},
		{"application/json", `{"name":1}`, 400,
			"the body does not fit at name, byte 9: string is expected, not number"},
		{"application/json", `{"price":"1"}`, 400,
			"the body does not fit at price, byte 12: number is expected, not string"},
		{"application/json", `{"price":200}`, 400,
			"the body does not fit at price, byte 12: 200 is out of range or not whole"},
		{"application/json", `{"price":1.5}`, 400,
			"the body does not fit at price, byte 12: 1.5 is out of range or not whole"},
		{"application/json", `{"price":` + strings.Repeat("1", 999) + `}`, 400,
			"the body does not fit at price, byte 1008: a number is out of range or not whole"},
		{"application/json", `{"tags":{}}`, 400,
			"the body does not fit at tags, byte 9: array is expected, not object"},
		{"application/json", `{"tags":[true]}`, 400,
			"the body does not fit at tags, byte 13: string is expected, not bool"},
		{"application/json", `{"inner":{"inner":[]}}`, 400,
			"the body does not fit at inner.inner, byte 19: object is expected, not array"},
		{"application/json", strings.Repeat(`{"inner":`, 30) + "1" + strings.Repeat("}", 30), 400,
			"the body does not fit at byte 271: object is expected, not number"},
		{"application/json", `[]`, 400,
			"the body does not fit at byte 1: object is expected, not array"},
		{"application/json", `{"since":"now"}`, 400, "the body is not valid"},
	}
	for _, tt := range tests {
		_, err := ReadJSON[goodsItem](jsonRequest(t, tt.contentType, tt.body))
		checkError(t, fmt.Sprintf("%s %.40s", tt.contentType, tt.body), err, tt.status, tt.message)
	}
}

// checkError checks an *Error; status 0: there must be none.
func checkError(t *testing.T, what string, err error, status Status, message string) {
	t.Helper()
	if status == 0 {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != status || e.Message != message {
		t.Errorf("%s: %#v, want %d %q", what, err, status, message)
	}
}

func TestReadJSONValue(t *testing.T) {
	v, err := ReadJSON[goodsItem](jsonRequest(t, "", `{"name":"x","price":3,"tags":["a"]}`))
	if err != nil || v.Name != "x" || v.Price != 3 || len(v.Tags) != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	m, err := ReadJSON[map[string]int](jsonRequest(t, "", `{"a":1}`))
	if err != nil || m["a"] != 1 {
		t.Errorf("%v, %v", m, err)
	}
	if v, err := ReadJSON[*goodsItem](jsonRequest(t, "", "null")); err != nil || v != nil {
		t.Errorf("%v, %v", v, err)
	}
}

// A document that half fits leaves nothing behind.
func TestReadJSONZeroOnError(t *testing.T) {
	v, err := ReadJSON[goodsItem](jsonRequest(t, "", `{"name":"x","price":"y"}`))
	if err == nil || v.Name != "" {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestReadJSONTooLarge(t *testing.T) {
	const body = `{"name":"0123456789"}`
	for limit, want := range map[int64]error{
		int64(len(body)): nil, int64(len(body)) - 1: ErrTooLarge,
	} {
		req := jsonRequest(t, "", body)
		req.limits.Body = limit
		if _, err := ReadJSON[goodsItem](req); !errors.Is(err, want) {
			t.Errorf("%d bytes, limit %d: %v, want %v", len(body), limit, err, want)
		}
	}
}

type (
	byValue     struct{ Err error }
	byPointer   struct{ N int }
	statusError struct{}
)

func (v byValue) Validate() error { return v.Err }

func (v *byPointer) Validate() error {
	if v.N < 0 {
		return errors.New("N must not be negative")
	}
	return nil
}

func (statusError) Error() string   { return "gone" }
func (statusError) StatusCode() int { return 410 }

func TestReadJSONValidates(t *testing.T) {
	_, err := ReadJSON[byPointer](jsonRequest(t, "", `{"N":-1}`))
	checkError(t, "method of *T", err, 422, "N must not be negative")
	_, err = ReadJSON[*byPointer](jsonRequest(t, "", `{"N":-1}`))
	checkError(t, "T is a pointer", err, 422, "N must not be negative")
	_, err = ReadJSON[byPointer](jsonRequest(t, "", `{"N":1}`))
	checkError(t, "valid", err, 0, "")
	_, err = ReadJSON[*byPointer](jsonRequest(t, "", `null`))
	checkError(t, "null", err, 0, "")
}

func TestValidate(t *testing.T) {
	own := &Error{Status: 409, Message: "taken"}
	checkError(t, "method of T", validate(&byValue{errors.New("no")}), 422, "no")
	checkError(t, "an Error", validate(&byValue{own}), 409, "taken")
	checkError(t, "an Error without status", validate(&byValue{&Error{Message: "invalid"}}),
		422, "invalid")
	err := validate(&byValue{fmt.Errorf("deep: %w", own)})
	if !errors.Is(err, own) || (*Server)(nil).statusOf(err) != 409 {
		t.Errorf("a wrapped Error: %v", err)
	}
	if err := validate(&byValue{statusError{}}); err != (statusError{}) {
		t.Errorf("an error that knows its status: %v", err)
	}
	fields := &Error{Fields: map[string]string{"name": "is required"}}
	e, ok := errors.AsType[*Error](validate(&byValue{fields}))
	if !ok || e.Status != 422 || e.Fields["name"] == "" {
		t.Errorf("Fields: %v", e)
	}
	if err := validate(new(int)); err != nil {
		t.Errorf("no Validate: %v", err)
	}
}

func TestEncode(t *testing.T) {
	for _, v := range []any{
		49, "a\nb", nil, []int{1, 2}, map[string]any{"b": 1, "a": []string{}}, goodsItem{Name: "x"},
		json.RawMessage(`{ }`),
	} {
		var got bytes.Buffer
		if err := (jsonCodec{}).Encode(&got, v); err != nil {
			t.Fatal(err)
		}
		if want, _ := json.Marshal(v); !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%v: %q, want %q", v, &got, want)
		}
	}
	var got bytes.Buffer
	if err := (jsonCodec{}).Encode(&got, "<a&b>"); err != nil || got.String() != `"<a&b>"` {
		t.Errorf("%q, %v", &got, err)
	}
}

func TestEncodeErrors(t *testing.T) {
	var got bytes.Buffer
	if err := (jsonCodec{}).Encode(&got, math.NaN()); err == nil || got.Len() != 0 {
		t.Errorf("NaN: %q, %v", &got, err)
	}
	// the encoder is still good
	if err := (jsonCodec{}).Encode(&got, 1); err != nil || got.String() != "1" {
		t.Errorf("after NaN: %q, %v", &got, err)
	}
	full := errors.New("full")
	err := (jsonCodec{}).Encode(writerFunc(func([]byte) (int, error) { return 0, full }), 1)
	if err != full {
		t.Errorf("writer: %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// upperCodec is a codec of a user's.
type upperCodec struct{}

func (upperCodec) Encode(w io.Writer, v any) error {
	_, err := fmt.Fprintf(w, "<%v>", v)
	return err
}

func (upperCodec) Decode(data []byte, v any) error {
	if s, ok := v.(*string); ok && data[0] != '!' {
		*s = strings.ToUpper(string(data))
		return nil
	}
	return errors.New("words of the codec")
}

func TestServerCodec(t *testing.T) {
	srv := &Server{JSON: upperCodec{}}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		s, err := ReadJSON[string](req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.JSON(200, s)
	})
	h, err := srv.Build()
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for body, want := range map[string]string{
		"abc": "<ABC>", "!abc": "400 Bad Request\nthe body is not valid\n",
	} {
		rec := httptest.NewRecorder()
		ToHTTP(h).ServeHTTP(rec, httptest.NewRequest("POST", "/", strings.NewReader(body)))
		if rec.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", body, rec.Code, rec.Body, want)
		}
	}
}

// Whatever encoding/json takes is taken, and whatever it refuses is a 400 that names no Go type.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","price":200,"tags":[1]}`, `{"inner":{"inner":{"since":"x"}}}`, `[`, `"`,
		`{} 1`, `nul`, "\xff", `{"name":null}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var want goodsItem
		wantErr := json.Unmarshal([]byte(body), &want)
		_, err := ReadJSON[goodsItem](jsonRequest(t, "application/json", body))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, encoding/json: %v", body, err, wantErr)
		}
		if err == nil {
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Status != 400 || e.Message == "" || len(e.Message) > 400 {
			t.Fatalf("%q: %#v", body, err)
		}
		for _, leak := range []string{"goodsItem", "lwan.", "Go ", "int8", "time."} {
			if strings.Contains(e.Message, leak) && !strings.Contains(body, leak) {
				t.Fatalf("%q: the message names %q: %s", body, leak, e.Message)
			}
		}
	})
}

func BenchmarkJSONEncode(b *testing.B) {
	v := struct{ Message string }{"Hello, World!"}
	b.ReportAllocs()
	for b.Loop() {
		if err := (jsonCodec{}).Encode(io.Discard, &v); err != nil {
			b.Fatal(err)
		}
	}
}

// failingWriter takes nothing.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestJSONEncodeAfterFailure: an encoder whose output was not taken, or whose value cannot be
// encoded, is as good as new.
func TestJSONEncodeAfterFailure(t *testing.T) {
	for range 10 {
		if err := (jsonCodec{}).Encode(failingWriter{}, 1); err != io.ErrClosedPipe {
			t.Fatal(err)
		}
		if err := (jsonCodec{}).Encode(io.Discard, math.NaN()); err == nil {
			t.Fatal("a number that is none was encoded")
		}
		var b bytes.Buffer
		if err := (jsonCodec{}).Encode(&b, "a\n<b>"); err != nil || b.String() != `"a\n<b>"` {
			t.Fatalf("%q, %v", b.String(), err)
		}
	}
}
