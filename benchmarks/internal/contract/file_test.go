package contract_test

import (
	"bytes"
	"compress/gzip"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// TestFilesAreWhatNetHTTPServes asks the standard library for every file and holds the answers
// against the contract.
func TestFilesAreWhatNetHTTPServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "files")
	if err := contract.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	files := http.StripPrefix(contract.FilesPath, http.FileServer(http.Dir(dir)))
	for _, feature := range []contract.Feature{
		contract.FileSmall, contract.FileMiddle,
		contract.FileLarge, contract.FileUnchanged, contract.File4K, contract.File16K,
		contract.File64K, contract.File128K,
	} {
		for _, want := range contract.Requests(feature) {
			r := httptest.NewRequest(want.Method, want.Target, nil)
			for _, field := range want.Fields {
				r.Header.Set(field.Name, field.Value)
			}
			w := httptest.NewRecorder()
			files.ServeHTTP(w, r)
			if err := want.Check(w.Code, w.Header(), w.Body.Bytes()); err != nil {
				t.Errorf("%s: %v", feature, err)
			}
		}
	}
	checkPacked(t, dir)
}

// TestFilesThatAreRightStay finds out by the time of the last change of any kind, which nothing but
// the clock sets.
func TestFilesThatAreRightStay(t *testing.T) {
	dir := t.TempDir()
	write := func() map[string]syscall.Timespec {
		if err := contract.WriteFiles(dir); err != nil {
			t.Fatal(err)
		}
		changes := map[string]syscall.Timespec{}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			fi, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			changes[e.Name()] = fi.Sys().(*syscall.Stat_t).Ctim
		}
		return changes
	}
	first := write()
	if again := write(); len(first) == 0 || !maps.Equal(first, again) {
		t.Errorf("files changed at %v, and by a second call at %v", first, again)
	}
	for name := range first {
		if err := os.Truncate(filepath.Join(dir, name), 10); err != nil {
			t.Fatal(err)
		}
	}
	write()
	for name := range first {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() == 10 {
			t.Errorf("%s was not mended: %v", name, err)
		}
	}
}

// checkPacked is for what net/http does not do.
func checkPacked(t *testing.T, dir string) {
	want := contract.Requests(contract.FileGzip)[0]
	name := strings.TrimPrefix(want.Target, contract.FilesPath)
	w := httptest.NewRecorder()
	http.FileServer(http.Dir(dir)).ServeHTTP(w,
		httptest.NewRequest(http.MethodGet, "/"+name+".gz", nil))
	header := http.Header{"Content-Type": {"text/plain"}}
	if err := want.Check(w.Code, header, w.Body.Bytes()); err == nil {
		t.Error("an answer without Content-Encoding is right")
	}
	header.Set("Content-Encoding", "gzip")
	if err := want.Check(w.Code, header, w.Body.Bytes()); err != nil {
		t.Error(err)
	}
	if err := want.Check(w.Code, header, []byte("no gzip")); err == nil {
		t.Error("an answer that is not in its coding is right")
	}
	var other bytes.Buffer
	z := gzip.NewWriter(&other)
	if _, err := z.Write([]byte("other")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := want.Check(w.Code, header, other.Bytes()); err == nil {
		t.Error("another file is right")
	}
}

func TestPage(t *testing.T) {
	want := contract.Requests(contract.Template)[0]
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	page := template.Must(template.New("page").Parse(contract.GoTemplate()))
	var b bytes.Buffer
	if err := page.Execute(&b, contract.NewPage()); err != nil {
		t.Fatal(err)
	}
	if err := want.Check(200, header, b.Bytes()); err != nil {
		t.Errorf("%v: %s", err, &b)
	}
	if n := strings.Count(want.Answer, "<tr>"); n != contract.PageRows {
		t.Errorf("%d rows", n)
	}
	data := contract.NewPage()
	data.Rows[19].Price = "0.00"
	b.Reset()
	if err := page.Execute(&b, data); err != nil {
		t.Fatal(err)
	}
	if err := want.Check(200, header, b.Bytes()); err == nil {
		t.Error("another price is right")
	}
}

func TestEvent(t *testing.T) {
	if n := len("data: " + contract.EventData + "\n\n"); n != contract.EventBytes {
		t.Errorf("an event has %d bytes", n)
	}
	if strings.IndexByte(contract.EventData, contract.EventEnd) != len(contract.EventData)-1 {
		t.Errorf("%q does not end with the only %q", contract.EventData, contract.EventEnd)
	}
	stream := contract.Requests(contract.Stream)[0]
	err := stream.Check(200, http.Header{"Content-Type": {contract.EventStream}}, nil)
	if err != nil {
		t.Error(err)
	}
	if err := stream.Check(200, http.Header{"Content-Type": {"text/plain"}}, nil); err == nil {
		t.Error("plain text is an event stream")
	}
}
