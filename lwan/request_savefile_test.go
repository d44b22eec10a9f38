package lwan

import (
	"mime/multipart"
	"os"
	"strings"
	"testing"
)

func TestSaveFile(t *testing.T) {
	type upload struct {
		File *multipart.FileHeader `form:"f,required"`
	}
	const body = "--xyz\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../x\"\r\n\r\n" +
		"content\r\n--xyz--\r\n"
	req, _ := formRequest(t, testFormType, body)
	form, err := FormAs[upload](req)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.WriteFile("1", []byte("what was there before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1", "2"} {
		if err := SaveFile(form.File, root, name); err != nil {
			t.Fatal(err)
		}
		if got, err := root.ReadFile(name); string(got) != "content" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if err := root.Mkdir("full", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := root.WriteFile("full/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"full", "../outside", "none/x"} {
		if err := SaveFile(form.File, root, name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 3 {
		t.Errorf("left in the folder: %v, %v", list, err)
	}
	for _, f := range list {
		if strings.HasSuffix(f.Name(), ".part") {
			t.Errorf("left: %s", f.Name())
		}
	}
}
