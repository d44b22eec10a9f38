package threehandlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// sites are the same site, in files of these names.
var sites = map[string]func(s *store) (http.Handler, error){
	"golwan": withGolwan, "gin": withGin, "chi": withChi,
}

// form is a multipart body with one file.
func form(name string, size int) (body, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(name, "../evil")
	if err == nil {
		_, err = part.Write(bytes.Repeat([]byte("x"), size))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a Buffer has none
	}
	return b.String(), w.FormDataContentType()
}

// TestSame holds the three to the same answers.
func TestSame(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	large, small := strings.Repeat("x", 1<<20), "application/json"
	file, fileType := form("file", 1000)
	other, otherType := form("other", 10)
	huge, hugeType := form("file", 9<<20)
	tests := []struct {
		method, path, contentType, body string
		status                          int // 400: any of 4xx
		want                            string
	}{
		{"GET", "/items?from=1&size=1", "", "", 200, `[{"id":2,"title":"2","done":false}]`},
		{"GET", "/items?from=118", "", "", 200,
			`[{"id":119,"title":"119","done":false},{"id":120,"title":"120","done":false}]`},
		{"GET", "/items?from=500", "", "", 200, `[]`},
		{"GET", "/items?size=x", "", "", 400, ""},
		{"GET", "/items?from=x", "", "", 400, ""},
		{"PATCH", "/items/1", small, `{"done":true}`, 200, `{"id":1,"title":"1","done":true}`},
		{"PATCH", "/items/1", small, `{"title":"new"}`, 200, `{"id":1,"title":"new","done":true}`},
		{"PATCH", "/items/121", small, `{}`, 404, ""},
		{"PATCH", "/items/x", small, `{}`, 404, ""},
		{"PATCH", "/items/1", small, `{"done":1}`, 400, ""},
		{"PATCH", "/items/1", small, `{"done":`, 400, ""},
		{"PATCH", "/items/1", small, `{"title":"` + large + `"}`, 413, ""},
		{"POST", "/items/3/file", fileType, file, 201, `{"size":1000}`},
		{"POST", "/items/121/file", fileType, file, 404, ""},
		{"POST", "/items/x/file", fileType, file, 404, ""},
		{"POST", "/items/3/file", otherType, other, 400, ""},
		{"POST", "/items/3/file", hugeType, huge, 413, ""},
	}
	for name, with := range sites {
		t.Run(name, func(t *testing.T) {
			s := &store{dir: t.TempDir()}
			for i := range 120 {
				s.items = append(s.items, item{ID: i + 1, Title: fmt.Sprint(i + 1)})
			}
			h, err := with(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tests {
				status, body := ask(h, test.method, test.path, test.contentType, test.body)
				if status != test.status && (test.status != 400 || status/100 != 4) {
					t.Errorf("%s %s: %d %s, want %d", test.method, test.path, status, body,
						test.status)
				}
				if test.want != "" && strings.TrimSpace(body) != test.want {
					t.Errorf("%s %s: %s, want %s", test.method, test.path, body, test.want)
				}
				if !json.Valid([]byte(body)) {
					t.Errorf("%s %s: %d is no JSON: %s", test.method, test.path, status, body)
				}
			}
			for size, n := range map[string]int{"": 20, "?size=0": 1, "?size=1000": 100} {
				_, body := ask(h, "GET", "/items"+size, "", "")
				if got := strings.Count(body, `"id"`); got != n {
					t.Errorf("%q: %d items, want %d", size, got, n)
				}
			}
			kept, err := os.ReadFile(filepath.Join(s.dir, "3"))
			if len(kept) != 1000 || err != nil {
				t.Errorf("%d bytes are kept, %v", len(kept), err)
			}
		})
	}
}

// ask asks without a connection, on which a client may not see the answer to a body that is
// refused.
func ask(h http.Handler, method, path, contentType, body string) (int, string) {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

// TestFewestLines counts the lines that have code, but for imports.
func TestFewestLines(t *testing.T) {
	lines := map[string]int{}
	for name := range sites {
		lines[name] = codeLines(t, name+".go")
	}
	t.Logf("lines of code: %v", lines)
	for name, n := range lines {
		if name != "golwan" && n <= lines["golwan"] {
			t.Errorf("with %s it takes %d lines, with golwan %d", name, n, lines["golwan"])
		}
	}
}

func codeLines(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	first := 0 // line of code
	for _, d := range tree.Decls {
		if g, ok := d.(*ast.GenDecl); !ok || g.Tok != token.IMPORT {
			first = set.Position(d.Pos()).Line
			break
		}
	}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile(name, -1, len(text))
	s.Init(file, text, nil, 0)
	code := map[int]bool{}
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return len(code)
		}
		if line := file.Line(pos); line >= first && (tok != token.SEMICOLON || lit != "\n") {
			code[line] = true
		}
	}
}
