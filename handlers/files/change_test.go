package files

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// version is a content that shows at every place what it is: blocks of 16 bytes with the number of
// the version and of the block. All states that a file goes through are beginnings of a version.
func version(v uint64, n int) []byte {
	b := make([]byte, 0, n+16)
	for i := uint64(0); len(b) < n; i++ {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, v), i)
	}
	return b[:n]
}

// isOneVersion reports whether body is what some version has from off on; a block begins at off.
func isOneVersion(body string, off int) bool {
	if len(body) < 8 {
		return true // too short to tell
	}
	v := binary.BigEndian.Uint64([]byte(body[:8]))
	return string(version(v, off+len(body))[off:]) == body
}

// changer changes a file again and again, in all ways in which files are changed.
type changer struct {
	t    *testing.T
	path string
	size int // of the largest version
	rng  *rand.Rand
	v    uint64
}

func (c *changer) step() {
	c.v++
	next := version(c.v, c.size/2+c.rng.IntN(c.size/2))
	var err error
	switch c.rng.IntN(7) {
	case 0: // as it should be done
		tmp := c.path + ".new"
		if err = os.WriteFile(tmp, next, 0o644); err == nil {
			err = os.Rename(tmp, c.path)
		}
	case 1, 2: // as editors and cp do it: truncated, then written
		err = os.WriteFile(c.path, next, 0o644)
	case 3: // written in pieces
		err = c.inPieces(next)
	case 4:
		if err = os.Remove(c.path); os.IsNotExist(err) {
			err = nil
		}
	case 5: // shrinks
		if fi, statErr := os.Stat(c.path); statErr == nil {
			err = os.Truncate(c.path, c.rng.Int64N(fi.Size()+1))
		}
	case 6: // grows
		err = c.grow()
	}
	if err != nil {
		c.t.Error(err)
	}
}

func (c *changer) inPieces(next []byte) error {
	f, err := os.Create(c.path)
	if err != nil {
		return err
	}
	defer f.Close()
	for len(next) > 0 {
		n := min(len(next), 1+c.rng.IntN(c.size/4))
		if _, err := f.Write(next[:n]); err != nil {
			return err
		}
		next = next[n:]
	}
	return nil
}

// grow adds to whatever version the file is of.
func (c *changer) grow() error {
	now, err := os.ReadFile(c.path)
	if err != nil || len(now) < 8 {
		return nil // it is not there at this moment
	}
	longer := version(binary.BigEndian.Uint64(now), len(now)+c.rng.IntN(c.size/8+1))
	f, err := os.OpenFile(c.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(longer[len(now):])
	return err
}

// Files are truncated, replaced, deleted, written anew and appended to while 32 clients read them:
// every complete answer is one content that the file had, byte for byte. Any other answer is cut,
// or is an error.
func TestChangedUnderLoad(t *testing.T) {
	t.Parallel()
	dir := writeTree(t, map[string]string{
		"small.bin": "", "large.bin": "", "text.txt": "", "huge.bin": "",
	})
	srv := mountedAs(t, "/",
		Config{Dir: dir, TTL: 30 * time.Millisecond, ErrorTTL: time.Millisecond}, youngAge)
	sizes := map[string]int{
		"small.bin": 10_000, "large.bin": 700_000, "text.txt": 15_000, "huge.bin": 4_000_000,
	}
	var writers, readers sync.WaitGroup
	over := make(chan struct{})
	for name, size := range sizes {
		c := &changer{
			t: t, path: filepath.Join(dir, name), size: size,
			rng: rand.New(rand.NewPCG(uint64(size), 0)),
		}
		writers.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Duration(c.rng.IntN(60)) * time.Millisecond):
					// slow enough to come to rest sometimes
					c.step()
				}
			}
		})
	}
	seen := &outcomes{}
	until := time.Now().Add(loadTime(t))
	latest := until.Add(time.Minute) // a busy machine takes longer to compare enough
	for i := range 32 {
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			more := func(now time.Time) bool {
				return now.Before(until) || !seen.enough() && now.Before(latest)
			}
			for more(time.Now()) {
				for name := range sizes {
					readOnce(t, srv, name, rng, seen)
				}
			}
		})
	}
	readers.Wait()
	close(over)
	writers.Wait()
	t.Log(seen)
	if !seen.enough() {
		t.Errorf("hardly anything was compared: %v", seen)
	}
}

// loadTime is how long tests under load run: FILES_LOAD says it.
func loadTime(t *testing.T) time.Duration {
	if s := os.Getenv("FILES_LOAD"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if testing.Short() {
		return 500 * time.Millisecond
	}
	return 1500 * time.Millisecond
}

type outcomes struct{ complete, parts, cut, missing, busy atomic.Int64 }

func (o *outcomes) enough() bool { return o.complete.Load() >= 100 && o.parts.Load() >= 10 }

func (o *outcomes) String() string {
	return fmt.Sprintf("complete %d, parts %d, cut %d, not there %d, changing %d",
		o.complete.Load(), o.parts.Load(), o.cut.Load(), o.missing.Load(), o.busy.Load())
}

func readOnce(t *testing.T, s *testSite, name string, rng *rand.Rand, seen *outcomes) {
	fields := []string{"Accept-Encoding", "identity"}
	coding := ""
	switch rng.IntN(4) {
	case 0:
		fields = append(fields, "Range", "bytes=160-9000")
	case 1:
		fields[1], coding = "gzip", "gzip"
	}
	r := s.get("/"+name, fields...)
	switch {
	case r.status == http.StatusNotFound:
		seen.missing.Add(1)
	case r.status == http.StatusServiceUnavailable:
		seen.busy.Add(1)
	case r.status == http.StatusRequestedRangeNotSatisfiable:
	case r.err != nil || int64(len(r.body)) != r.length:
		seen.cut.Add(1)
	case r.status == http.StatusPartialContent:
		seen.parts.Add(1)
		if !strings.HasPrefix(r.field("Content-Range"), "bytes 160-") ||
			!isOneVersion(r.body, 160) {
			t.Errorf("%s: a part of %d bytes is none of any version: %v",
				name, len(r.body), r.header)
		}
	case r.status == http.StatusOK:
		seen.complete.Add(1)
		if r.field("Content-Encoding") == coding && coding != "" {
			r.body = decode(t, coding, r.body)
		}
		if !isOneVersion(r.body, 0) {
			t.Errorf("%s: %d bytes are no version: %s %v",
				name, len(r.body), mismatch(r.body), r.header)
		}
	default:
		t.Errorf("%s: %d %v", name, r.status, r.header)
	}
}

// mismatch says where a body leaves its version.
func mismatch(body string) string {
	want := string(version(binary.BigEndian.Uint64([]byte(body)), len(body)))
	for i := range body {
		if body[i] != want[i] {
			j := len(body)
			for j > i && body[j-1] == want[j-1] {
				j--
			}
			return fmt.Sprintf("version %x: from %d to %d: %x, want %x",
				want[:8], i, j, body[i:min(i+24, len(body))], want[i:min(i+24, len(body))])
		}
	}
	return "equal"
}
