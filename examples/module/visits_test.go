package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// post counts a visit and returns the answer, as "200 1".
func post(t *testing.T, h lwan.Handler, path string) string {
	t.Helper()
	got := lwantest.Do(t, h, httptest.NewRequest("POST", path, nil))
	return fmt.Sprint(got.Status, " ", strings.TrimSpace(got.Body))
}

func TestVisitsSurviveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "visits.json")
	for i := 1; i <= 3; i++ {
		srv := site(file, time.Hour) // so that it is the end that saves
		h := lwantest.Build(t, srv)
		if got, want := post(t, h, "/visits/ada"), fmt.Sprint("200 ", i); got != want {
			t.Errorf("visit %d: %s", i, got)
		}
		if got := post(t, h, "/guests/ada"); got != "200 1" {
			t.Errorf("the other mount has counts of its own, and no file: %s", got)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(file); string(b) != `{"ada":3}` || err != nil {
		t.Errorf("%s %v", b, err)
	}
}

func TestVisitsAreSavedMeanwhile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "visits.json")
	h := lwantest.Build(t, site(file, time.Millisecond))
	post(t, h, "/visits/ada")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		b, err := os.ReadFile(file)
		if string(b) == `{"ada":1}` {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %v", b, err)
		}
	}
}

func TestVisitsConfiguration(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.json")
	if err := os.WriteFile(broken, []byte("null"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{Every: -1}, "negative Every or MaxNames"},
		{Config{MaxNames: -1}, "negative Every or MaxNames"},
		{Config{File: broken}, "Config.File: the file holds null"},
		{Config{File: filepath.Dir(broken)}, "Config.File: read"},
	} {
		srv := new(lwan.Server)
		srv.Mount("/", Visits.With(tt.config))
		if _, err := srv.Build(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.want)
		}
	}
}

// A file that cannot be written stops the server, and is what Run would return.
func TestVisitsThatCannotBeSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder")
	srv := new(lwan.Server)
	srv.Mount("/", Visits.With(Config{File: filepath.Join(dir, "visits.json")}))
	h, err := srv.Build()
	if err != nil {
		t.Fatal(err)
	}
	post(t, h, "/ada")
	if err := srv.Close(); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("Close: %v", err)
	}
}
