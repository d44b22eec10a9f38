package lwan

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

// formRequest is a request with a body of that type.
func formRequest(t testing.TB, contentType, body string) (*Request, *memoryStream) {
	head := fmt.Sprintf("POST / HTTP/1.1\nHost: h\nContent-Length: %d", len(body))
	if contentType != "" {
		head += "\nContent-Type: " + contentType
	}
	return memoryRequest(t, head, strings.NewReader(body))
}

// formPart is a part of a multipart body; a file if it has a filename.
type formPart struct{ name, filename, content string }

// multipartBody writes a body of that boundary as browsers do.
func multipartBody(boundary string, parts ...formPart) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, p.name)
		if p.filename != "" {
			fmt.Fprintf(&b, "; filename=%q\r\nContent-Type: text/plain", p.filename)
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", p.content)
	}
	return b.String() + "--" + boundary + "--\r\n"
}

const testFormType = "multipart/form-data; boundary=xyz"

func TestFormEncoded(t *testing.T) {
	req, _ := formRequest(t, "Application/X-WWW-Form-URLencoded; charset=utf-8",
		"a=1&b=x+y&a=%32&empty=")
	f, err := req.Form()
	if err != nil {
		t.Fatal(err)
	}
	if f.Get("a") != "1" || f.Get("b") != "x y" || f.Get("empty") != "" || f.Get("none") != "" {
		t.Errorf("a=%q b=%q", f.Get("a"), f.Get("b"))
	}
	if got := f.All("a"); !reflect.DeepEqual(got, []string{"1", "2"}) || f.All("none") != nil {
		t.Errorf("a = %q, none = %q", got, f.All("none"))
	}
	if fh, ok := f.File("a"); ok {
		t.Errorf("an urlencoded form has a file: %v", fh)
	}
	if again, err := req.Form(); again != f || err != nil {
		t.Errorf("a second call: %p, %v; want %p", again, err, f)
	}
}

func TestFormErrors(t *testing.T) {
	value := formPart{name: "a", content: "1"}
	good := multipartBody("xyz", value)
	tests := []struct {
		name, contentType, body string
		status                  Status
		message                 string
	}{
		{"no type", "", "a=1", 415, "the body must be a form"},
		{"another type", "application/json", "{}", 415, "the body must be a form"},
		{"another multipart type", "multipart/mixed; boundary=xyz", good, 415,
			"the body must be a form"},
		{"semicolon", typeEncodedForm, "a=1;b=2", 400, "the form is malformed"},
		{"escape", typeEncodedForm, "a=%zz", 400, "the form is malformed"},
		{"no boundary", "multipart/form-data", good, 400,
			"the Content-Type of the form has no valid boundary"},
		{"empty boundary", `multipart/form-data; boundary=""`, good, 400,
			"the Content-Type of the form has no valid boundary"},
		{"two boundaries", "multipart/form-data; boundary=a; boundary=b", good, 400,
			"the Content-Type of the form has no valid boundary"},
		{"other boundary", "multipart/form-data; boundary=abc", good, 400, "the form is malformed"},
		{"nothing", testFormType, "", 400, "the form is malformed"},
		{"truncated", testFormType, good[:len(good)-8], 400, "the form is malformed"},
		// mime/multipart takes it for the end
		{"truncated in a header", testFormType, "--xyz\r\nContent-Disposition: form-data", 0, ""},
		{"bad header", testFormType, "--xyz\r\nno field\r\n\r\n1\r\n--xyz--\r\n", 400,
			"the form is malformed"},
		{"most pairs", typeEncodedForm, strings.Repeat("a=1&", defaultPairs), 0, ""},
		{"too many pairs", typeEncodedForm, strings.Repeat("a=1&", defaultPairs) + "b", 413,
			"the form has too many fields"},
		{"most parts", testFormType, multipartBody("xyz", repeat(value, defaultParts)...), 0, ""},
		{"too many parts", testFormType, multipartBody("xyz", repeat(value, defaultParts+1)...),
			413, "the form has too many fields"},
	}
	for _, tt := range tests {
		req, _ := formRequest(t, tt.contentType, tt.body)
		_, err := req.Form()
		checkError(t, tt.name, err, tt.status, tt.message)
		_, again := req.Form()
		checkError(t, tt.name+", second call", again, tt.status, tt.message)
	}
}

func repeat[T any](v T, n int) (list []T) {
	for range n {
		list = append(list, v)
	}
	return list
}

func TestFormTooLarge(t *testing.T) {
	for _, tt := range []struct{ contentType, body string }{
		{typeEncodedForm, "a=" + strings.Repeat("x", 998)},
		{testFormType, multipartBody("xyz", formPart{"a", "", strings.Repeat("x", 1000)})},
		{testFormType, multipartBody("xyz", formPart{"a", "f.txt", strings.Repeat("x", 100_000)})},
	} {
		size := int64(len(tt.body))
		for _, chunked := range []bool{false, true} {
			for limit, want := range map[int64]error{size: nil, size - 1: ErrTooLarge} {
				req, _ := formRequest(t, tt.contentType, tt.body)
				req.limits.Body = limit
				if chunked {
					req.body.length = -1
				}
				if chunked && limit < size && strings.HasPrefix(tt.contentType, "multipart") {
					req.limits.Body -= 2 // the last line's end is not needed, and not read
				}
				_, err := req.Form()
				if !errors.Is(err, want) {
					t.Errorf("%.20s: %d bytes, limit %d: %v, want %v",
						tt.contentType, size, limit, err, want)
				}
			}
		}
	}
}

func TestFormMultipart(t *testing.T) {
	body := multipartBody("xyz",
		formPart{name: "a", content: "1"}, formPart{name: "a", content: "2"},
		formPart{name: "ü&=", content: "line\r\nline"},
		formPart{"doc", "../../etc/x.txt", "content"}, formPart{"doc", "second.txt", ""})
	req, car := formRequest(t, testFormType, body)
	car.loop = true
	f, err := req.Form()
	if err != nil {
		t.Fatal(err)
	}
	if f.Get("a") != "1" || !reflect.DeepEqual(f.All("a"), []string{"1", "2"}) ||
		f.Get("ü&=") != "line\r\nline" {
		t.Errorf("%v", f.parts.Value)
	}
	if f.Get("doc") != "" || f.Get("none") != "" || f.All("none") != nil {
		t.Errorf("a file's content is a value: %q", f.Get("doc"))
	}
	fh, ok := f.File("doc")
	if !ok || fh.Filename != "x.txt" || readFile(t, fh) != "content" {
		t.Errorf("doc: %+v, %v", fh, ok)
	}
	if _, ok := f.File("a"); ok {
		t.Error("a value is a file")
	}
	if car.offloads != 0 {
		t.Error("a form that cannot reach the disk was read on a goroutine")
	}
	req, car = formRequest(t, testFormType, body)
	car.loop, req.body.length = true, -1
	if _, err := req.Form(); err != nil || car.offloads != 1 {
		t.Errorf("a form of unknown length was read on the loop: %v", err)
	}
}

func readFile(t testing.TB, fh *multipart.FileHeader) string {
	t.Helper()
	file, err := fh.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Large files are on disk, written by a goroutine, and gone when the request is over.
func TestFormOnDisk(t *testing.T) {
	for _, size := range []int{defaultMemory, defaultMemory + 1, 200_000} {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		content := strings.Repeat("0123456789", size/10+1)[:size]
		req, car := formRequest(t, testFormType,
			multipartBody("xyz", formPart{"a", "a.txt", content}, formPart{"b", "b.txt", "small"}))
		car.loop = true
		f, err := req.Form()
		if err != nil {
			t.Fatal(err)
		}
		if car.offloads != 1 {
			t.Errorf("%d bytes: read on the loop", size)
		}
		for name, want := range map[string]string{"a": content, "b": "small"} {
			fh, ok := f.File(name)
			if !ok || readFile(t, fh) != want || fh.Size != int64(len(want)) {
				t.Errorf("%d bytes: %s is not what was sent", size, name)
			}
		}
		// The second file does not fit beside the first one even when that does.
		if got := len(filesIn(t, dir)); got != 1 || !f.spooled() {
			t.Errorf("%d bytes: %d temporary files, spooled %v", size, got, f.spooled())
		}
		pool := newGoroutines(1) // runs in order
		f.pool = pool
		req.end()
		waitIdle(t, pool)
		if left := filesIn(t, dir); len(left) > 0 {
			t.Errorf("%d bytes: %q stays behind", size, left)
		}
	}
}

func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// waitIdle waits until a pool of one has ended all that it was given so far.
func waitIdle(t testing.TB, pool *goroutines) {
	t.Helper()
	done := make(chan struct{})
	if !pool.run(func() { close(done) }) {
		t.Fatal("the pool is full")
	}
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatal("the pool does not run anything")
	}
}

// A form that turns out to be bad leaves nothing on disk, nor does one for which no goroutine was
// free to remove it.
func TestFormLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	body := multipartBody("xyz", formPart{"a", "a.txt", strings.Repeat("x", 200_000)})
	req, _ := formRequest(t, testFormType, body[:len(body)-10])
	_, err := req.Form()
	checkError(t, "truncated", err, 400, "the form is malformed")
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("truncated: %q stays behind", left)
	}
	req, _ = formRequest(t, testFormType, body)
	f, err := req.Form()
	if err != nil || len(filesIn(t, dir)) != 1 {
		t.Fatalf("%v, %q", err, filesIn(t, dir))
	}
	f.pool = &goroutines{} // takes nothing
	req.end()
	if left := filesIn(t, dir); len(left) > 0 {
		t.Errorf("full pool: %q stays behind", left)
	}
}

func TestFormDisk(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	req, _ := formRequest(t, testFormType,
		multipartBody("xyz", formPart{"a", "a.txt", strings.Repeat("x", 200_000)}))
	_, err := req.Form()
	checkError(t, "no directory", err, 500, "") // and not 404, although the error is fs.ErrNotExist
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestFormBusy(t *testing.T) {
	req, car := formRequest(t, testFormType,
		multipartBody("xyz", formPart{"a", "a.txt", strings.Repeat("x", 200_000)}))
	car.loop, car.busy = true, true
	if _, err := req.Form(); err != ErrBusy {
		t.Fatalf("%v, want ErrBusy", err)
	}
	car.busy = false
	// nothing was read: it is not too late
	if f, err := req.Form(); err != nil || len(f.parts.File) != 1 {
		t.Errorf("once there is a goroutine: %v", err)
	}
}

// On a loop: the body is read, and files are written, by a goroutine while the handler is parked.
func TestFormOnLoop(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	content := strings.Repeat("0123456789", 50_000)
	srv := &Server{Limits: Limits{Body: 600_000}}
	srv.Handle("POST /form", func(req *Request, resp *Response) Status {
		f, err := req.Form()
		if err != nil {
			return resp.Fail(err)
		}
		fh, ok := f.File("a")
		if !ok || fh.Size != int64(len(content)) || len(filesIn(t, dir)) != 1 {
			return resp.Error(422, "the file is not what was sent")
		}
		return resp.Text(200, f.Get("b"))
	})
	srv.Handle("POST /parts", func(req *Request, resp *Response) Status {
		parts, err := readParts(req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, fmt.Sprint(len(parts), " ", parts[1]))
	})
	url, stop := listening(t, srv)
	body := multipartBody("xyz", formPart{"a", "a.txt", content}, formPart{name: "b", content: "1"})
	for _, tt := range []struct {
		path, body string
		status     int
		answer     string
	}{
		{"/form", body, 200, "1"},
		{"/form", body[:len(body)-10], 400, "400 Bad Request\nthe form is malformed\n"},
		{"/form", strings.Repeat(body, 2), 413, "413 Content Too Large\n"},
		{"/parts", body, 200, "2 b  1"},
		{"/parts", strings.Replace(body, content, strings.Repeat(content, 2), 1), 413,
			"413 Content Too Large\n"},
	} {
		status, answer := fetchOnce(t, "POST", url+tt.path, testFormType, tt.body)
		if status != tt.status || answer != tt.answer {
			t.Errorf("%s, %d bytes: %d %q, want %d %q",
				tt.path, len(tt.body), status, answer, tt.status, tt.answer)
		}
	}
	stop()
	deadline := time.Now().Add(60 * time.Second)
	// their removal was under way
	for left := filesIn(t, dir); len(left) > 0; left = filesIn(t, dir) {
		if runtime.Gosched(); time.Now().After(deadline) {
			t.Fatalf("%q stays behind", left)
		}
	}
}

// An error of the connection is returned as it is.
func TestFormBodyError(t *testing.T) {
	body := multipartBody("xyz", formPart{"a", "", "1"})
	for _, contentType := range []string{testFormType, typeEncodedForm} {
		req, car := formRequest(t, contentType, body)
		car.body = io.MultiReader(strings.NewReader(body[:20]), failingReader{ErrGone})
		if _, err := req.Form(); err != ErrGone {
			t.Errorf("%s: %v, want ErrGone", contentType, err)
		}
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func FuzzForm(f *testing.F) {
	good := multipartBody("xyz", formPart{"a", "", "1"}, formPart{"f", "f.txt", "content"})
	f.Add(testFormType, good)
	f.Add(testFormType, good[:len(good)-9])
	f.Add(testFormType, strings.ReplaceAll(good, "\r\n", "\n"))
	f.Add(testFormType, "--xyz\r\nContent-Transfer-Encoding: quoted-printable\r\n"+
		"Content-Disposition: form-data; name=q\r\n\r\n=4\r\n--xyz--")
	f.Add(`multipart/form-data; boundary="a b"`, "--a b--")
	f.Add(typeEncodedForm, "a=1&b=%32&c")
	f.Add(typeEncodedForm+";charset=utf-8", "a;b=%3")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		if mediaType([]byte(contentType)) == "" ||
			strings.ContainsFunc(contentType, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // never gets here, or is 415
		}
		req, _ := formRequest(t, contentType, body)
		got, err := req.Form()
		cut, car := formRequest(t, contentType, body)
		car.body = &dribble{body, uint64(len(body)) + uint64(len(contentType))<<32}
		if _, cutErr := cut.Form(); fmt.Sprint(cutErr) != fmt.Sprint(err) {
			t.Fatalf("%q %q: %v, in pieces %v", contentType, body, err, cutErr)
		}
		want, wantErr := netHTTPForm(contentType, body)
		if wantErr == errNoForm {
			checkError(t, contentType, err, 415, "the body must be a form")
			return
		}
		if wantErr != nil && strings.HasPrefix(wantErr.Error(), "mime: ") &&
			strings.EqualFold(mediaType([]byte(contentType)), typeEncodedForm) {
			// this type has no parameters, so a malformed one means nothing: it is passed over here
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q %q: %v, net/http: %v", contentType, body, err, wantErr)
		}
		if err == nil {
			compareForms(t, got, want)
			compareForms(t, cut.form.Load(), want)
		} else if st := (*Server)(nil).statusOf(err); st != 400 && st != 413 {
			t.Fatalf("%q %q: status %d of %v", contentType, body, st, err)
		}
	})
}

var errNoForm = errors.New("the type is not one of a form")

// netHTTPForm is the form as net/http reads it.
func netHTTPForm(contentType, body string) (*multipart.Form, error) {
	r, err := http.NewRequest("POST", "/", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", contentType)
	if strings.EqualFold(mediaType([]byte(contentType)), typeEncodedForm) {
		err := r.ParseForm()
		return &multipart.Form{Value: r.PostForm}, err
	}
	if !strings.EqualFold(mediaType([]byte(contentType)), typeMultipartForm) {
		return nil, errNoForm
	}
	err = r.ParseMultipartForm(defaultMemory)
	return r.MultipartForm, err
}

func compareForms(t *testing.T, got *Form, want *multipart.Form) {
	t.Helper()
	for name, values := range want.Value {
		if !reflect.DeepEqual(got.All(name), values) || got.Get(name) != values[0] {
			t.Fatalf("%q is %q, net/http: %q", name, got.All(name), values)
		}
	}
	if got.parts == nil {
		return
	}
	if len(got.parts.Value) != len(want.Value) {
		t.Fatalf("%v, net/http: %v", got.parts.Value, want.Value)
	}
	for name := range maps.Keys(want.File) {
		fh, ok := got.File(name)
		if !ok || readFile(t, fh) != readFile(t, want.File[name][0]) ||
			fh.Filename != want.File[name][0].Filename {
			t.Fatalf("file %q is not what net/http has", name)
		}
	}
}

func BenchmarkFormEncoded(b *testing.B) {
	body := []byte("name=Ada+Lovelace&email=ada%40example.org&age=36&notes=" +
		strings.Repeat("word+", 100))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var p pairs
		p.decode(body, defaultPairs)
	}
}
