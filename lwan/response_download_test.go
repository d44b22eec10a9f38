package lwan_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestDownload(t *testing.T) {
	dir := t.TempDir()
	content := strings.Repeat("content ", 50_000)
	if err := os.WriteFile(dir+"/1", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	srv.Handle("GET /{file...}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		f, err := os.Open(dir + "/" + req.Param("file"))
		if err != nil {
			return resp.Fail(err)
		}
		defer f.Close()
		if ct := req.Query("type"); ct != "" {
			resp.SetContentType(ct)
		}
		return resp.Download(f, "sales.csv")
	})
	s := lwantest.Start(t, srv)
	for path, want := range map[string]struct {
		status int
		ctype  string
	}{
		"/1":               {200, "application/octet-stream"},
		"/1?type=text/csv": {200, "text/csv"},
		"/2":               {404, ""},
		"/":                {500, ""}, // a directory
	} {
		resp, err := s.Client.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want.status {
			t.Errorf("%s: %s, %v", path, resp.Status, err)
		}
		if want.status == 200 && (string(body) != content ||
			resp.Header.Get("Content-Type") != want.ctype ||
			resp.Header.Get("Content-Disposition") != `attachment; filename="sales.csv"` ||
			resp.ContentLength != int64(len(content))) {
			t.Errorf("%s: %d bytes, %v", path, len(body), resp.Header)
		}
		if want.status != 200 && resp.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: an error is offered for saving", path)
		}
	}
}

type renderable string

func (renderable) ContentType() string { return "text/html" }
func (r renderable) RenderTo(w io.Writer) error {
	_, err := io.WriteString(w, string(r))
	return err
}

func TestRenderEvent(t *testing.T) {
	ev, err := lwan.RenderEvent("entry", renderable("<p>"))
	if want := (lwan.Event{Name: "entry", Data: "<p>"}); ev != want || err != nil {
		t.Errorf("%+v, %v", ev, err)
	}
}
