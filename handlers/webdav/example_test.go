package webdav_test

import (
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/golwan/golwan/handlers/webdav"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// A directory that clients may read and change below /dav.
func Example() {
	dir, err := os.MkdirTemp("", "dav")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	srv := &lwan.Server{}
	srv.Mount("/dav", webdav.Module.With(webdav.Config{Dir: dir, Write: true}))

	t := new(testing.B) // an example has no test of its own
	h := lwantest.Build(t, srv)
	fmt.Println(lwantest.Do(t, h, httptest.NewRequest("MKCOL", "/dav/notes", nil)).Status)
	fi, err := os.Stat(filepath.Join(dir, "notes"))
	fmt.Println(fi.IsDir(), err)
	// Output:
	// 201
	// true <nil>
}
