package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// The corpora are raw requests from the test suites of other servers, with what those make of them.
// They are no part of this project: they are looked for in $GOLWAN_CONFORMANCE, then in a folder
// "conformance" beside one of the folders that this one is in.

// rawCase is a case of any of the corpora; each of them uses the fields of one group.
type rawCase struct {
	Name    string
	Request []byte `json:"request_base64"`

	// lighttpd: what it answers, 0 being any answer that finds no fault with the message; and what
	// else conforms
	ExpectStatus int `json:"expect_status"`
	Accept       []string

	// llhttp: accept, reject, incomplete, answer-then-close or upgrade, and the messages in the
	// bytes
	Verdict  string
	Messages int
	Methods  []string
	Bodies   []string

	// h1spec: [-1,-1] is no answer yet
	ExpectRanges [][2]int `json:"expect_ranges"`
	ExpectBody   string   `json:"expect_body"`
}

// method is that of message i, as far as it matters for the length of its answer.
func (c *rawCase) method(i int) string {
	if i < len(c.Methods) {
		return c.Methods[i]
	}
	method, _, _ := bytes.Cut(c.Request, []byte(" "))
	return string(method)
}

// readCorpus reads the cases of a corpus, or skips the test when the corpora are not there.
func readCorpus(t *testing.T, file string) (cases []rawCase) {
	t.Helper()
	path := filepath.Join(corpusDir(t), file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return cases
}

func corpusDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("GOLWAN_CONFORMANCE"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		found, err := filepath.Glob(filepath.Join(parent, "*", "conformance", "h1spec_cases.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return filepath.Dir(found[0])
		}
	}
	t.Skip("skipped: there is no folder conformance, and GOLWAN_CONFORMANCE is not set")
	return ""
}
