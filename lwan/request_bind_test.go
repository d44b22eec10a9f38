package lwan

import (
	"errors"
	"fmt"
	"maps"
	"math/big"
	"mime/multipart"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

type boundBase struct {
	ID int64 `form:"id" query:"id"`
}

type boundColour string

type boundForm struct {
	boundBase
	Name     string        `form:"name,required" query:"name,required"`
	Colour   boundColour   `form:"colour" query:"colour" default:"red"`
	Age      uint8         `form:"age" query:"age"`
	Weight   float64       `form:"weight" query:"weight"`
	Agreed   bool          `form:"agreed" query:"agreed"`
	Pause    time.Duration `form:"pause" query:"pause" default:"90s"`
	Born     time.Time     `form:"born" query:"born" layout:"2006-01-02"`
	Seen     time.Time     `form:"seen" query:"seen"`
	Addr     netip.Addr    `form:"addr" query:"addr"`
	Limit    *int          `form:"limit" query:"limit"`
	Sum      *big.Int      `form:"sum" query:"sum"`
	Tags     []string      `form:"tag" query:"tag"`
	Counts   []int         `form:"count" query:"count" default:"1,2"`
	Untagged string
	Hidden   string `form:"-" query:"-"`
}

// boundCases are forms, which are queries, too.
var boundCases = []struct {
	text   string
	want   func(*boundForm)
	fields map[string]string
}{
	{"name=Ada", func(f *boundForm) {}, nil},
	{"name=Ada&Untagged=x&untagged=x&Hidden=x&-=x&boundBase=x", func(f *boundForm) {}, nil},
	{"name=Ada&id=-7&age=255&weight=1.5&agreed=on&pause=2h", func(f *boundForm) {
		f.ID, f.Age, f.Weight, f.Agreed, f.Pause = -7, 255, 1.5, true, 2*time.Hour
	}, nil},
	{"name=A%20b&born=1815-12-10&seen=2026-01-02T03:04:05Z&addr=192.0.2.1&sum=12345678901234567890",
		func(f *boundForm) {
			f.Name = "A b"
			f.Born = time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
			f.Seen = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			f.Addr = netip.MustParseAddr("192.0.2.1")
			f.Sum, _ = new(big.Int).SetString("12345678901234567890", 10)
		}, nil},
	{"name=Ada&limit=0&tag=a&tag=&tag=b&count=&count=5&colour=", func(f *boundForm) {
		f.Limit, f.Tags, f.Counts = new(int), []string{"a", "", "b"}, []int{5}
	}, nil},
	{"name=Ada&name=Bob&age=&born=&agreed=", func(f *boundForm) {}, nil},
	{"age=256&agreed=maybe&pause=5", func(f *boundForm) { f.Name, f.Pause = "", 0 },
		map[string]string{
			"name": "is missing", "age": "is out of range", "agreed": "must be true or false",
			"pause": "must be a duration, as 1h30m",
		}},
	{"name=&id=1.5&weight=NaN&age=-1", func(f *boundForm) { f.Name = "" }, map[string]string{
		"name": "is missing", "id": "must be a whole number", "weight": "must be a number",
		"age": "must be a whole number, and not negative",
	}},
	{"name=Ada&born=yesterday&seen=1815-12-10&addr=x&sum=x&limit=x&count=1&count=x",
		func(f *boundForm) { f.Counts = nil }, map[string]string{
			"born": "must be of the form 2006-01-02", "seen": "is not valid",
			"addr": "is not valid", "sum": "is not valid", "limit": "must be a whole number",
			"count": "must be a whole number",
		}},
}

func (f *boundForm) preset() *boundForm {
	f.Name, f.Colour, f.Pause, f.Counts = "Ada", "red", 90*time.Second, []int{1, 2}
	return f
}

// TestBind: the same values come out of an urlencoded form, a multipart one and a query.
func TestBind(t *testing.T) {
	for _, tt := range boundCases {
		want := new(boundForm).preset()
		tt.want(want)
		pairs, err := url.ParseQuery(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		var parts []formPart
		for name, values := range pairs {
			for _, value := range values {
				parts = append(parts, formPart{name, "", value})
			}
		}
		check := func(how string, got boundForm, err error, status Status, message string) {
			t.Helper()
			if !reflect.DeepEqual(got, *want) {
				t.Errorf("%s %s: %+v, want %+v", how, tt.text, got, *want)
			}
			if tt.fields == nil {
				status = 0
			}
			checkError(t, how+" "+tt.text, err, status, message)
			if fields := FieldErrors(err); !maps.Equal(fields, tt.fields) {
				t.Errorf("%s %s: %v, want %v", how, tt.text, fields, tt.fields)
			}
		}
		req, _ := formRequest(t, typeEncodedForm, tt.text)
		got, err := FormAs[boundForm](req)
		check("urlencoded", got, err, 422, "the form has mistakes")
		req, _ = formRequest(t, testFormType, multipartBody("xyz", parts...))
		got, err = FormAs[boundForm](req)
		check("multipart", got, err, 422, "the form has mistakes")
		req, _ = memoryRequest(t, "GET /?"+tt.text+" HTTP/1.1\nHost: h", strings.NewReader(""))
		got, err = QueryAs[boundForm](req)
		check("query", got, err, 400, "the query has mistakes")
	}
}

func TestBindFiles(t *testing.T) {
	type upload struct {
		Title  string                  `form:"title"`
		Cover  *multipart.FileHeader   `form:"cover,required"`
		Photos []*multipart.FileHeader `form:"photo"`
	}
	req, _ := formRequest(t, testFormType, multipartBody("xyz",
		formPart{"title", "", "trip"}, formPart{"photo", "1.jpg", "one"},
		formPart{"cover", "c.jpg", "cover"}, formPart{"photo", "2.jpg", "two"}))
	got, err := FormAs[upload](req)
	if err != nil || got.Title != "trip" || len(got.Photos) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{"one", "two"} {
		if text := readFile(t, got.Photos[i]); text != want {
			t.Errorf("photo %d: %q", i, text)
		}
	}
	if text := readFile(t, got.Cover); text != "cover" {
		t.Errorf("cover: %q", text)
	}
	// As a browser sends a field that was left empty.
	req, _ = formRequest(t, testFormType, "--xyz\r\nContent-Disposition: form-data; "+
		"name=\"cover\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n"+
		"--xyz--\r\n")
	_, err = FormAs[upload](req)
	if fields := FieldErrors(err); fields["cover"] != "is missing" {
		t.Errorf("an empty field: %v", err)
	}
	req, _ = formRequest(t, typeEncodedForm, "cover=x")
	if _, err = FormAs[upload](req); FieldErrors(err)["cover"] != "is missing" {
		t.Errorf("urlencoded: %v", err)
	}
}

type checkedForm struct {
	Low  int `form:"low" query:"low"`
	High int `form:"high" query:"high"`
}

func (f checkedForm) Validate() error {
	if f.Low > f.High {
		return &Error{Fields: map[string]string{"low": "must not be above high"}}
	}
	return nil
}

func TestBindValidates(t *testing.T) {
	req, _ := formRequest(t, typeEncodedForm, "low=2&high=1")
	got, err := FormAs[checkedForm](req)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != 422 || e.Fields["low"] != "must not be above high" || got.Low != 2 {
		t.Errorf("%+v, %#v", got, err)
	}
	// Not while something cannot be parsed: it would judge by zeros.
	req, _ = formRequest(t, typeEncodedForm, "low=2&high=x")
	_, err = FormAs[checkedForm](req)
	if fields := FieldErrors(err); len(fields) != 1 || fields["high"] == "" {
		t.Errorf("%v", fields)
	}
	req, _ = formRequest(t, "application/json", "{}")
	_, err = FormAs[checkedForm](req)
	checkError(t, "another type", err, 415, "the body must be a form")
	if FieldErrors(nil) != nil || FieldErrors(ErrGone) != nil {
		t.Error("errors that say nothing about fields")
	}
}

// refusedType asks for a T that cannot be filled.
func refusedType[T any](t *testing.T, name, want string) {
	t.Helper()
	req, _ := formRequest(t, typeEncodedForm, "a=1")
	_, err := FormAs[T](req)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Status != 500 || e.Message != "" || !strings.Contains(e.Error(), want) {
		t.Errorf("%s: %v, want 500 and %q", name, err, want)
	}
}

func TestBindRefusesTypes(t *testing.T) {
	refusedType[int](t, "no struct", "no struct")
	refusedType[*boundForm](t, "a pointer", "no struct")
	refusedType[struct{ A string }](t, "no tag", "no field has the tag form")
	refusedType[struct {
		a string `form:"a"`
	}](t, "not exported", "not exported")
	refusedType[struct {
		A map[string]string `form:"a"`
	}](t, "a map", "cannot be parsed")
	refusedType[struct {
		A [][]string `form:"a"`
	}](t, "slices of slices", "cannot be parsed")
	refusedType[struct {
		A string `form:"a,omitempty"`
	}](t, "an option", "omitempty")
	refusedType[struct {
		A string `form:",required"`
	}](t, "no name", "no name")
	refusedType[struct {
		A int `form:"a" default:"x"`
	}](t, "a bad default", `default "x"`)
	refusedType[struct {
		A []int `form:"a" default:"1,x"`
	}](t, "a bad default in a list", `default "x"`)
	refusedType[struct {
		A int `form:"a,required" default:"1"`
	}](t, "required with a default", "needs no default")
	refusedType[struct {
		A string `form:"a" layout:"15:04"`
	}](t, "a layout", "layout")
	refusedType[struct {
		boundBase
		A string `form:"id"`
	}](t, "a name twice", `"id"`)
	type withFile struct {
		A *multipart.FileHeader `query:"a"`
	}
	req, _ := memoryRequest(t, "GET /?a=1 HTTP/1.1\nHost: h", strings.NewReader(""))
	if _, err := QueryAs[withFile](req); err == nil || FieldErrors(err) != nil {
		t.Errorf("a file in a query: %v", err)
	}
}

// TestBindOnSockets: what a client sees of mistakes, as JSON and as text, on the loop and off it.
func TestBindOnSockets(t *testing.T) {
	srv := &Server{}
	handle := func(req *Request, resp *Response) Status {
		f, err := FormAs[boundForm](req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, fmt.Sprint(f.Name, f.Tags, f.Counts))
	}
	srv.Handle("POST /inline", handle)
	srv.Handle("POST /blocking", handle, Blocking)
	srv.Handle("GET /query", func(req *Request, resp *Response) Status {
		q, err := QueryAs[checkedForm](req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, strconv.Itoa(q.Low))
	})
	base, stop := listening(t, srv)
	defer stop()
	for _, path := range []string{"/inline", "/blocking"} {
		status, text := fetchOnce(t, "POST", base+path, typeEncodedForm, "name=Ada&tag=x&tag=y")
		if status != 200 || text != "Ada[x y] [1 2]" {
			t.Errorf("%s: %d %q", path, status, text)
		}
		status, text = fetchOnce(t, "POST", base+path, testFormType,
			multipartBody("xyz", formPart{"age", "", "old"}))
		want := "422 Unprocessable Content\nthe form has mistakes\n" +
			"age: must be a whole number, and not negative\nname: is missing\n"
		if status != 422 || text != want {
			t.Errorf("%s: %d %q", path, status, text)
		}
	}
	if status, text := fetchOnce(t, "GET", base+"/query?low=x", "", ""); status != 400 ||
		!strings.Contains(text, "low: must be a whole number") {
		t.Errorf("query: %d %q", status, text)
	}
}

// TestBindAllocates: the struct, the texts that it keeps, and no more.
func TestBindAllocates(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	type search struct {
		Text string `query:"q"`
		Page int    `query:"page" default:"1"`
		Size int    `query:"size" default:"20"`
	}
	req, _ := memoryRequest(t, "GET /?q=words&page=7 HTTP/1.1\nHost: h", strings.NewReader(""))
	n := testing.AllocsPerRun(100, func() {
		if q, err := QueryAs[search](req); err != nil || q.Page != 7 || q.Size != 20 {
			t.Fatal(q, err)
		}
	})
	if n > 3 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzBind: what is taken is what net/url and strconv make of it, and what is refused is a 400 that
// names a field of the struct.
func FuzzBind(f *testing.F) {
	for _, tt := range boundCases {
		f.Add(tt.text)
	}
	f.Add("name=%41&age=+7&age=0x7&name=b")
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
			return // never gets here
		}
		req, _ := memoryRequest(t, "GET /?"+query+" HTTP/1.1\nHost: h", strings.NewReader(""))
		got, err := QueryAs[boundForm](req)
		want, wantErr := url.ParseQuery(query)
		if wantErr != nil && len(want) > defaultPairs {
			return
		}
		fields := FieldErrors(err)
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Status != 400 || len(fields) == 0) {
			t.Fatalf("%q: %#v", query, err)
		}
		if name := want.Get("name"); got.Name != name || (fields["name"] != "") != (name == "") {
			t.Fatalf("%q: name %q, %q, want %q", query, got.Name, fields["name"], name)
		}
		age, ageErr := strconv.ParseUint(want.Get("age"), 10, 8)
		if bad := ageErr != nil && want.Get("age") != ""; bad != (fields["age"] != "") ||
			!bad && uint64(got.Age) != age {
			t.Fatalf("%q: age %d, %q", query, got.Age, fields["age"])
		}
		if tags := want["tag"]; len(tags) != len(got.Tags) {
			t.Fatalf("%q: tags %q, want %q", query, got.Tags, tags)
		}
	})
}
