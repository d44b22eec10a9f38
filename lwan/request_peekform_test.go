package lwan

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answerTo is the body of an answer, sent on a connection of its own.
func answerTo(t testing.TB, r *http.Request) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPeekForm(t *testing.T) {
	file := formPart{"f", "f.txt", strings.Repeat("x", 300<<10)}
	token := formPart{"token", "", "secret"}
	long := formPart{"note", "", strings.Repeat("n", 100<<10)}
	for _, tt := range []struct {
		name, contentType, body, want string
		status                        Status
		message                       string
	}{
		{"urlencoded", typeEncodedForm, "a=1&token=secret", "secret", 0, ""},
		{"none", typeEncodedForm, "a=1", "", 0, ""},
		{"no form", "application/json", "{}", "", 0, ""},
		{"no type", "", "token=secret", "", 0, ""},
		{"first", testFormType, multipartBody("xyz", token, file), "secret", 0, ""},
		{"second", testFormType, multipartBody("xyz", formPart{"a", "", "1"}, token, file),
			"secret", 0, ""},
		{"behind a file", testFormType, multipartBody("xyz", file, token), "", 0, ""},
		{"behind much", testFormType, multipartBody("xyz", long, token), "", 0, ""},
		{"not there", testFormType, multipartBody("xyz", formPart{"a", "", "1"}), "", 0, ""},
		{"malformed", testFormType, "--xyz\r\nno field\r\n\r\n1\r\n--xyz--\r\n", "", 400,
			"the form is malformed"},
		{"malformed pairs", typeEncodedForm, "a=%zz", "", 400, "the form is malformed"},
		{"no boundary", "multipart/form-data", "", "", 400,
			"the Content-Type of the form has no valid boundary"},
	} {
		for _, before := range []bool{false, true} { // BodyBytes has read it before
			req, _ := formRequest(t, tt.contentType, tt.body)
			if before {
				if _, err := req.BodyBytes(); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				got, err := req.PeekForm("token")
				if got != tt.want {
					t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
				}
				checkError(t, tt.name, err, tt.status, tt.message)
			}
			if body, err := req.BodyBytes(); string(body) != tt.body || err != nil {
				t.Errorf("%s: afterwards the body has %d bytes, not %d: %v",
					tt.name, len(body), len(tt.body), err)
			}
		}
	}
}

func TestPeekFormTooLate(t *testing.T) {
	body := multipartBody("xyz", formPart{"token", "", "secret"})
	req, _ := formRequest(t, testFormType, body)
	if _, err := io.ReadFull(req.Body(), make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := req.PeekForm("token"); err != errBodyBegun {
		t.Errorf("after Body: %v", err)
	}
	req, _ = formRequest(t, testFormType, body)
	for range req.Parts() {
		break
	}
	if _, err := req.PeekForm("token"); err != errBodyParted {
		t.Errorf("after Parts: %v", err)
	}
	req, _ = formRequest(t, testFormType, body)
	if _, err := req.Form(); err != nil {
		t.Fatal(err)
	}
	if got, err := req.PeekForm("token"); got != "secret" || err != nil {
		t.Errorf("after Form: %q, %v", got, err)
	}
}

// TestPeekFormOnSockets: middleware looks at a token while most of the body is still to come, and
// each way to read the body sees all of it, on the loop, off it, and in code for net/http.
func TestPeekFormOnSockets(t *testing.T) {
	srv := &Server{Limits: Limits{Body: 4 << 20}}
	guard := func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			token, err := req.PeekForm("token")
			if err != nil {
				return resp.Fail(err)
			}
			if token != "secret" {
				return 403
			}
			return next(req, resp)
		}
	}
	parts := func(req *Request, resp *Response) Status {
		for part, err := range req.Parts() {
			if err != nil {
				return resp.Fail(err)
			}
			n, err := io.Copy(io.Discard, part)
			if err != nil {
				return resp.Fail(err)
			}
			resp.Printf("%s %d ", part.FormName(), n)
		}
		return 200
	}
	form := func(req *Request, resp *Response) Status {
		f, err := req.Form()
		if err != nil {
			return resp.Fail(err)
		}
		file, _ := f.File("file")
		return resp.Text(200, fmt.Sprintf("token %d file %d ", len(f.Get("token")), file.Size))
	}
	std := FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 10); err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		fmt.Fprintf(w, "token %d file %d ", len(r.PostFormValue("token")),
			r.MultipartForm.File["file"][0].Size)
		if err := r.MultipartForm.RemoveAll(); err != nil {
			t.Error(err)
		}
	}))
	site := srv.Group("", guard)
	site.Handle("POST /parts", parts)
	site.Handle("POST /parts/blocking", parts, Blocking)
	site.Handle("POST /form", form)
	site.Handle("POST /form/blocking", form, Blocking)
	site.Handle("POST /std", std)
	srv.Handle("POST /inside", func(req *Request, resp *Response) Status {
		return Blocking(parts)(req, resp) // the middleware has run on the loop
	}, guard)
	base, stop := listening(t, srv)
	defer stop()
	body := multipartBody("xyz", formPart{"token", "", "secret"},
		formPart{"file", "f.bin", strings.Repeat("x", 2<<20)})
	for _, path := range []string{
		"/parts", "/parts/blocking", "/form", "/form/blocking", "/std", "/inside",
	} {
		for _, chunked := range []bool{false, true} {
			var from io.Reader = strings.NewReader(body)
			if chunked {
				from = io.MultiReader(from)
			}
			r, err := http.NewRequest("POST", base+path, from)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", testFormType)
			if got := answerTo(t, r); got != fmt.Sprintf("token 6 file %d ", 2<<20) {
				t.Errorf("%s, chunked %v: %.200q", path, chunked, got)
			}
		}
		status, _ := fetchOnce(t, "POST", base+path, typeEncodedForm, "token=wrong")
		if status != 403 {
			t.Errorf("%s: a wrong token gets %d", path, status)
		}
	}
}

// FuzzPeekForm: however the body comes, it is all there afterwards, and the value is Form's if that
// finds one before a file.
func FuzzPeekForm(f *testing.F) {
	token := formPart{"token", "", "secret"}
	f.Add(multipartBody("xyz", token, formPart{"f", "f.txt", "content"}), uint64(1))
	f.Add(multipartBody("xyz", formPart{"f", "f.txt", "content"}, token), uint64(2))
	f.Add("--xyz\r\nContent-Disposition: form-data; name=token", uint64(3))
	f.Fuzz(func(t *testing.T, body string, seed uint64) {
		req, car := formRequest(t, testFormType, body)
		car.body = &dribble{body, seed}
		got, err := req.PeekForm("token")
		again, againErr := req.PeekForm("token")
		if again != got || fmt.Sprint(againErr) != fmt.Sprint(err) {
			t.Fatalf("%q: %q, %v, then %q, %v", body, got, err, again, againErr)
		}
		if all, bodyErr := req.BodyBytes(); string(all) != body || bodyErr != nil {
			t.Fatalf("%q: afterwards %q, %v", body, all, bodyErr)
		}
		form, formErr := req.Form()
		if got != "" && formErr == nil && form.Get("token") != got {
			t.Fatalf("%q: %q, Form has %q", body, got, form.Get("token"))
		}
	})
}
