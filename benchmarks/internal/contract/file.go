package contract

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FilesPath is where the files are served.
const FilesPath = "/files/"

// File is one file of the tree that WriteFiles makes.
type File struct {
	Name   string
	Size   int
	Packed bool // it has a sibling, with .gz added to its name, that is the same in gzip
}

// fileOf says which file a feature asks for.
var fileOf = map[Feature]File{
	FileSmall:     {Name: "1k.txt", Size: 1 << 10},
	FileUnchanged: {Name: "1k.txt", Size: 1 << 10},
	FileMiddle:    {Name: "100k.txt", Size: 100 << 10},
	FileLarge:     {Name: "10m.txt", Size: 10 << 20},
	File4K:        {Name: "4k.txt", Size: 4 << 10},
	File16K:       {Name: "16k.txt", Size: 16 << 10},
	File64K:       {Name: "64k.txt", Size: 64 << 10},
	File128K:      {Name: "128k.txt", Size: 128 << 10},
	FileGzip:      {Name: "packed.txt", Size: 16 << 10, Packed: true},
}

// changed is when all files were last modified, so that the date that a client has seen is known
// beforehand.
var changed = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// text is what all files begin with, as far as they are long. It is compressible, as text is, and
// no two lines of it are the same.
var text = sync.OnceValue(func() string {
	var b strings.Builder
	for n := 0; b.Len() < fileOf[FileLarge].Size; n++ {
		fmt.Fprintf(&b,
			"line %d: everything that follows is as it was in the line before, but %x\n", n, n*n)
	}
	return b.String()
})

func (f File) content() string { return text()[:f.Size] }

func fileRequest(f Feature) Request {
	file := fileOf[f]
	r := Request{
		Method: http.MethodGet, Target: FilesPath + file.Name, MediaType: "text/plain",
		Answer: file.content(),
	}
	switch f {
	case FileUnchanged:
		r.Fields = []Field{{"If-Modified-Since", changed.Format(http.TimeFormat)}}
		// Of the fields of a 304 only those count that guide a cache (RFC 9110, section 15.4.5).
		r.Status, r.MediaType, r.Answer = http.StatusNotModified, "", ""
	case FileGzip:
		r.Fields = []Field{{"Accept-Encoding", "gzip"}}
		r.Coding = "gzip"
	}
	return r
}

// WriteFiles makes the files that the features ask for in the folder dir, which is made if it is
// not there.
func WriteFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, file := range fileOf {
		if err := writeFile(filepath.Join(dir, file.Name), []byte(file.content())); err != nil {
			return err
		}
		if !file.Packed {
			continue
		}
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write([]byte(file.content())); err != nil {
			return err
		}
		if err := z.Close(); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, file.Name+".gz"), packed.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// writeFile leaves a file that is right as it is: servers treat one that was changed a moment ago
// with care, golwan for ten seconds, and that is not what is measured.
func writeFile(name string, content []byte) error {
	old, err := os.ReadFile(name)
	fi, statErr := os.Stat(name)
	if err == nil && statErr == nil && fi.ModTime().Equal(changed) && bytes.Equal(old, content) {
		return nil
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		return err
	}
	return os.Chtimes(name, changed, changed)
}
