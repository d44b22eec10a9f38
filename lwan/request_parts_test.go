package lwan

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readParts reads all parts to their ends.
func readParts(req *Request) (parts []string, err error) {
	for part, err := range req.Parts() {
		if err != nil {
			return parts, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return parts, err
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", part.FormName(), part.FileName(), content))
	}
	return parts, nil
}

func TestParts(t *testing.T) {
	body := multipartBody("xyz", formPart{"a", "", "1"}, formPart{"f", "dir/f.txt", "content"},
		formPart{"b", "", ""})
	for _, contentType := range []string{
		testFormType, "Multipart/Mixed; boundary=xyz", "multipart/unheard-of; boundary=xyz",
	} {
		req, _ := formRequest(t, contentType, "preamble\r\n"+body+"epilogue")
		got, err := readParts(req)
		want := []string{"a  1", "f f.txt content", "b  "}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", contentType, got, err)
		}
	}
	req, _ := formRequest(t, testFormType, "--xyz--\r\n")
	if got, err := readParts(req); len(got) != 0 || err != nil {
		t.Errorf("no parts: %q, %v", got, err)
	}
}

// What a handler does not read of a part is skipped, and it may stop at any time.
func TestPartsUnread(t *testing.T) {
	large := strings.Repeat("x", 100_000)
	body := multipartBody("xyz", formPart{"a", "a", large}, formPart{"b", "b", large},
		formPart{"c", "c", large})
	req, _ := formRequest(t, testFormType, body)
	var names []string
	for part, err := range req.Parts() {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, part.FormName())
		if len(names) == 2 {
			break
		}
		if _, err := io.ReadFull(part, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(names, []string{"a", "b"}) {
		t.Errorf("%q", names)
	}
	if req.body.read >= int64(len(body)) {
		t.Error("the third part was read, although nobody asked for it")
	}
}

func TestPartsErrors(t *testing.T) {
	value := formPart{name: "a", content: "1"}
	good := multipartBody("xyz", value)
	head := func(n int) string { // a part whose boundary line and header are n bytes
		start, end := "--xyz\r\nContent-Disposition: form-data; name=a\r\nX: ", "\r\n\r\n"
		return start + strings.Repeat("x", n-len(start)-len(end)) + end + "1\r\n--xyz--\r\n"
	}
	tests := []struct {
		name, contentType, body string
		status                  Status
		message                 string
	}{
		{"no type", "", good, 415, "the body must be a multipart one"},
		{"another type", typeEncodedForm, "a=1", 415, "the body must be a multipart one"},
		{"no boundary", "multipart/form-data", good, 400,
			"the Content-Type of the form has no valid boundary"},
		{"other boundary", "multipart/form-data; boundary=abc", good, 400, "the form is malformed"},
		{"nothing", testFormType, "", 400, "the form is malformed"},
		{"bad header", testFormType, "--xyz\r\nno field\r\n\r\n1\r\n--xyz--\r\n", 400,
			"the form is malformed"},
		{"no end", testFormType, strings.TrimSuffix(good, "--xyz--\r\n"), 0, ""},
		{"longest header", testFormType, head(maxPartHead), 0, ""},
		{"header too long", testFormType, head(maxPartHead + partBuffer + 1), 400,
			"the header of a part is too long"},
		{"preamble too long", testFormType, strings.Repeat("x\r\n", 20_000) + good, 400,
			"the header of a part is too long"},
		{"most parts", testFormType, multipartBody("xyz", repeat(value, defaultParts)...), 0, ""},
		{"too many parts", testFormType, multipartBody("xyz", repeat(value, defaultParts+1)...),
			413, "the form has too many fields"},
	}
	for _, tt := range tests {
		req, _ := formRequest(t, tt.contentType, tt.body)
		_, err := readParts(req)
		if tt.name == "no end" {
			if st := (*Server)(nil).statusOf(err); st != 400 {
				t.Errorf("no end: %v, status %d", err, st)
			}
			continue
		}
		checkError(t, tt.name, err, tt.status, tt.message)
	}
}

func TestPartsTooLarge(t *testing.T) {
	body := multipartBody("xyz", formPart{"a", "a", strings.Repeat("x", 10_000)},
		formPart{"b", "b", "1"})
	for _, read := range []bool{true, false} { // by the handler, or skipped
		req, _ := formRequest(t, testFormType, body)
		req.limits.Body, req.body.length = 8_000, -1
		var last error
		for part, err := range req.Parts() {
			if last = err; err == nil && read {
				if _, last = io.Copy(io.Discard, part); last != nil {
					break
				}
			}
		}
		if !errors.Is(last, ErrTooLarge) {
			t.Errorf("read %v: %v, want ErrTooLarge", read, last)
		}
	}
}

// The body can be read once, in one way.
func TestPartsOrForm(t *testing.T) {
	body := multipartBody("xyz", formPart{"a", "", "1"})
	req, _ := formRequest(t, testFormType, body)
	if _, err := readParts(req); err != nil {
		t.Fatal(err)
	}
	if _, err := req.Form(); err != errBodyParted {
		t.Errorf("Form after Parts: %v", err)
	}
	if _, err := readParts(req); err != errBodyFormed {
		t.Errorf("Parts after Parts: %v", err)
	}
	req, _ = formRequest(t, testFormType, body)
	if _, err := req.Form(); err != nil {
		t.Fatal(err)
	}
	if _, err := readParts(req); err != errBodyFormed {
		t.Errorf("Parts after Form: %v", err)
	}
	req, _ = formRequest(t, "multipart/mixed; boundary=xyz", body)
	if _, err := req.Form(); err == nil {
		t.Fatal("Form has read multipart/mixed")
	}
	if _, err := readParts(req); err != nil { // Form has left it alone
		t.Errorf("Parts after a Form of another type: %v", err)
	}
}

// An error of the connection comes back as it is, from the part or from the walk.
func TestPartsBodyError(t *testing.T) {
	body := multipartBody("xyz", formPart{"a", "", strings.Repeat("x", 100)},
		formPart{"b", "", "1"})
	for _, n := range []int{5, 80, len(body) - 30} {
		req, car := formRequest(t, testFormType, body)
		car.body = io.MultiReader(strings.NewReader(body[:n]), failingReader{ErrGone})
		if _, err := readParts(req); !errors.Is(err, ErrGone) {
			t.Errorf("after %d bytes: %v, want ErrGone", n, err)
		}
	}
}

// dribble gives a few bytes at a time, as many as seed says.
type dribble struct {
	text string
	seed uint64
}

func (d *dribble) Read(p []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	d.seed = d.seed*6364136223846793005 + 1442695040888963407
	n := copy(p[:min(len(p), 1+int(d.seed>>61))], d.text)
	d.text = d.text[n:]
	return n, nil
}

var spaceFirst = regexp.MustCompile(`(?m)^--xyz[ \t]*\r?\n[ \t]`)

// FuzzParts compares with mime/multipart reading the whole body, and with the same body that comes
// in pieces.
func FuzzParts(f *testing.F) {
	good := multipartBody("xyz", formPart{"a", "", "1"},
		formPart{"f", "dir/f.txt", "content\r\n--xy"}, formPart{"b", "", ""})
	for _, seed := range []string{
		good, good[:len(good)-9], "preamble\r\n" + good + "epilogue",
		strings.ReplaceAll(good, "\r\n", "\n"), "--xyz--", "--xyz--\r\n", "",
		"--xyz\r\n\r\n--xyz--", "--xyz \t\r\nX: y\r\n\r\n1\r\n--xyz\t--\r\n",
		"--xyz\r\nX : y\r\n\r\n1\r\n--xyz--", "--xyz\r\nX: y\r\n z\r\n\r\n1\r\n--xyz--",
		"--xyz\r\nno field\r\n\r\n1\r\n--xyz--", "--xyz\r\n " + strings.Repeat("x", 81),
		"--xyz\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=4\r\n--xyz--",
		"--xyz\r\n\r\n1\r\n--xyzz\r\n--xyz--", "\r\n--xyz\r\n\r\n\r\n\r\n--xyz--",
	} {
		f.Add(seed, uint64(len(seed)))
	}
	f.Fuzz(func(t *testing.T, body string, seed uint64) {
		if len(body) > maxPartHead {
			return // limits of our own
		}
		req, _ := formRequest(t, testFormType, body)
		whole, err := readParts(req)
		req, car := formRequest(t, testFormType, body)
		car.body = &dribble{body, seed}
		pieces, pieceErr := readParts(req)
		if !slices.Equal(whole, pieces) || fmt.Sprint(err) != fmt.Sprint(pieceErr) {
			t.Fatalf("%q: %q %v, in pieces (%d): %q %v", body, whole, err, seed, pieces, pieceErr)
		}
		var want []string
		r := multipart.NewReader(strings.NewReader(body), "xyz")
		for {
			part, theirs := r.NextRawPart()
			var content []byte
			if theirs == nil {
				content, theirs = io.ReadAll(part)
			}
			if theirs != nil {
				if !slices.Equal(whole, want) || (err == nil) != (theirs == io.EOF) {
					t.Fatalf("%q: %q %v, mime/multipart: %q %v", body, whole, err, want, theirs)
				}
				break
			}
			want = append(want, fmt.Sprintf("%s %s %s", part.FormName(), part.FileName(), content))
		}
		// To net/textproto a header is too large that begins with a space and has no end in 80
		// bytes.
		st := (*Server)(nil).statusOf(err)
		if err != nil && st != 400 && !(st == 413 && spaceFirst.MatchString(body)) {
			t.Fatalf("%q: status %d of %v", body, st, err)
		}
	})
}
