package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers/files"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestSite(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.txt": "hello", "large.bin": strings.Repeat("0123456789", 10_000), ".hidden": "x",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := lwantest.Start(t, site(files.Config{Dir: dir, List: true}))
	for _, tt := range []struct {
		method, path, rng string
		status            int
		body              string // part of it
	}{
		{"GET", "/", "", 200, `<a href="large.bin">`},
		{"GET", "/a.txt", "", 200, "hello"},
		{"GET", "/large.bin", "bytes=99995-", 206, "56789"},
		{"GET", "/.hidden", "", 404, ""},
		{"GET", "/none", "", 404, ""},
		{"POST", "/a.txt", "", 405, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.rng != "" {
			req.Header.Set("Range", tt.rng)
		}
		if status, body := do(t, s, req); status != tt.status || !strings.Contains(body, tt.body) {
			t.Errorf("%s %s: %d %.100q", tt.method, tt.path, status, body)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/?sort=size&order=desc", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	_, body := do(t, s, req)
	var list struct{ Entries []struct{ Name string } }
	err = json.Unmarshal([]byte(body), &list)
	if err != nil || len(list.Entries) != 2 || list.Entries[0].Name != "large.bin" {
		t.Errorf("%v: %q", err, body)
	}
}

func do(t *testing.T, s *lwantest.Server, req *http.Request) (status int, body string) {
	t.Helper()
	resp, err := s.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
