package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// feed reads server-sent events.
type feed struct {
	t     *testing.T
	body  io.Closer
	lines *bufio.Scanner
}

// event is one that a page would see.
type event struct{ id, name, data string }

// listen subscribes; lastID is that of the last event that the client has seen, "" at its first
// visit.
func listen(t *testing.T, c *http.Client, path, lastID string) *feed {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://site"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s %v", path, resp.Status, resp.Header)
	}
	return &feed{t, resp.Body, bufio.NewScanner(resp.Body)}
}

// next waits for an event that a browser fires: one with a data line.
func (f *feed) next() (ev event) {
	f.t.Helper()
	fired := false
	for f.lines.Scan() {
		field, value, _ := strings.Cut(f.lines.Text(), ": ")
		switch field {
		case "id":
			ev.id = value
		case "event":
			ev.name = value
		case "data":
			ev.data += value
			fired = true
		case "":
			switch {
			case f.lines.Text() != "":
			case fired:
				return ev
			default:
				ev.name = ""
			}
		}
	}
	f.t.Fatal("the stream ended: ", f.lines.Err())
	return ev
}

// until skips what has another name.
func (f *feed) until(name string) event {
	f.t.Helper()
	ev := f.next()
	for ev.name != name {
		ev = f.next()
	}
	return ev
}

// rest reads to the end, which must be a proper one.
func (f *feed) rest() {
	f.t.Helper()
	for f.lines.Scan() {
	}
	if err := f.lines.Err(); err != nil {
		f.t.Error("the stream was cut: ", err)
	}
}

// useEvents drops connections at random moments, and comes back as EventSource does.
func useEvents(t *testing.T, s *site) {
	c := s.client(t)
	got := ask(t, c, "GET", "/", nil)
	if got.status != 200 || !strings.Contains(got.body, "new EventSource") {
		t.Errorf("the page: %d %.100q", got.status, got.body)
	}
	other := listen(t, c, "/ticks", "")
	lastID, seen := "", 0
	for visit := range 4 {
		f := listen(t, c, "/ticks", lastID)
		for range visit + 1 {
			ev := f.next()
			seen++
			if lastID != "" && ev.id != after(t, lastID, 1) {
				t.Fatalf("event %q after %q: lost or doubled", ev.id, lastID)
			}
			checkTick(t, ev)
			lastID = ev.id
		}
		f.body.Close()
		for now := other.next(); now.id != after(t, lastID, 2); now = other.next() {
			checkTick(t, now) // two more are published while nobody is there
		}
	}
	if seen != 10 {
		t.Errorf("%d events", seen)
	}
	stranger := listen(t, c, "/ticks", "never-published")
	if ev := stranger.next(); ev.name != "gap" {
		t.Errorf("an ID that is not kept: %v", ev)
	}
	t.Run("page", func(t *testing.T) {
		b := browse(t, "http://"+s.addr+"/")
		b.until(`+document.getElementById("count").textContent >= 3`)
		if at := b.text("time"); !isTime(at) {
			t.Errorf("the clock shows %q", at)
		}
		if n, err := strconv.Atoi(b.text("requests")); n < 5 || err != nil {
			t.Errorf("requests: %d %v", n, err)
		}
		first := b.text("sent")
		b.until(fmt.Sprintf(`document.getElementById("sent").textContent !== %q`, first))
	})
	s.endUnder(t, other.rest, stranger.rest)
}

// after is the ID of the event that comes n events after that with the given ID, which the topic
// has made: the events are numbered behind what is the topic's own.
func after(t *testing.T, id string, n int) string {
	t.Helper()
	topic, number, _ := strings.Cut(id, "-")
	i, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return topic + "-" + strconv.Itoa(i+n)
}

func isTime(text string) bool {
	_, err := time.Parse(time.TimeOnly, text)
	return err == nil
}

func checkTick(t *testing.T, ev event) {
	t.Helper()
	var tick struct {
		Time               string
		Requests, Watching int64
	}
	if err := json.Unmarshal([]byte(ev.data), &tick); err != nil || ev.name != "tick" {
		t.Fatalf("%v: %v", ev, err)
	}
	if !isTime(tick.Time) || tick.Watching < 0 || tick.Requests < 0 {
		t.Errorf("%+v", tick)
	}
}

func useChat(t *testing.T, s *site) {
	c := s.client(t)
	ann := listen(t, c, "/rooms/lobby/events", "")
	if ev := ann.until("here"); ev.data != "1" {
		t.Errorf("ann is told %v", ev)
	}
	bob := listen(t, c, "/rooms/lobby/events", "")
	other := listen(t, c, "/rooms/other/events", "")
	if ev := ann.until("here"); ev.data != "2" {
		t.Errorf("ann is told %v of bob", ev)
	}
	said := func(room, body string) answer {
		return ask(t, c, "POST", "/rooms/"+room, strings.NewReader(body), "Content-Type",
			"application/json")
	}
	if got := said("lobby", `{"who":"ann","text":"hi\nthere <b>"}`); got.status != 202 {
		t.Fatalf("%v", got)
	}
	last := ""
	for _, f := range []*feed{ann, bob} {
		ev := f.until("message")
		if last = ev.id; ev.data != `{"who":"ann","text":"hi\nthere \u003cb\u003e"}` {
			t.Errorf("%v", ev)
		}
	}
	for body, status := range map[string]int{
		`{"who":"ann","text":""}`: 422, `{"who":"","text":"x"}`: 422, `{"who":1}`: 400, `{`: 400,
		``: 400, `{"who":"a","text":"` + strings.Repeat("x", 2001) + `"}`: 422,
		`{"who":"a","text":"` + strings.Repeat("x", 16<<10) + `"}`: 413,
	} {
		if got := said("lobby", body); got.status != status {
			t.Errorf("%.40s: %d %s, want %d", body, got.status, got.body, status)
		}
	}
	bob.body.Close()
	if ev := ann.until("here"); ev.data != "1" {
		t.Errorf("ann is told %v when bob leaves", ev)
	}
	said("lobby", `{"who":"ann","text":"still there?"}`)
	bob = listen(t, c, "/rooms/lobby/events", last) // he comes back for what he missed
	if ev := bob.until("message"); ev.data != `{"who":"ann","text":"still there?"}` {
		t.Errorf("%v", ev)
	}
	bob.body.Close()
	for ann.until("here").data != "1" {
	}
	said("other", `{"who":"eve","text":"elsewhere"}`)
	if ev := other.until("message"); !strings.Contains(ev.data, "elsewhere") {
		t.Errorf("%v", ev)
	}
	t.Run("page", func(t *testing.T) { chatPage(t, s, said, ann) })
	s.endUnder(t, ann.rest, other.rest)
}

// chatPage says and hears something in a browser.
func chatPage(t *testing.T, s *site, said func(room, body string) answer, ann *feed) {
	b := browse(t, "http://"+s.addr+"/")
	b.until(`document.getElementById("here").textContent === "2"`)
	said("lobby", `{"who":"ann","text":"<b>bold</b>"}`)
	b.until(`document.getElementById("log").textContent === "ann: <b>bold</b>"`)
	for !strings.Contains(ann.until("message").data, "bold") {
	}
	b.run(`document.querySelector("[name=who]").value = "page";
		document.querySelector("[name=text]").value = "hello";
		document.querySelector("button").click()`)
	if ev := ann.until("message"); ev.data != `{"who":"page","text":"hello"}` {
		t.Errorf("%v", ev)
	}
	b.until(`document.getElementById("log").children.length === 2`)
}

// useUpload sends a file in two halves, and is told of the first before it sends the second.
func useUpload(t *testing.T, s *site) {
	dir := strings.TrimPrefix(s.printed(t)[0], "files go to ")
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := s.client(t)
	f := listen(t, c, "/uploads/u1/events", "")
	f.until("ready")
	// 2 MiB, more than the default limit
	content := bytes.Repeat([]byte("0123456789abcdef"), 128<<10)
	half := make(chan struct{})
	body, contentType := form("a.bin", content, half)
	got := make(chan answer, 1)
	go func() { got <- ask(t, c, "POST", "/uploads/u1", body, "Content-Type", contentType) }()
	for n := 0; n < len(content)/2-256<<10; {
		n = f.progress(n)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("while it comes in: %v %v", list, err)
	}
	close(half)
	if a := <-got; a.status != 201 || a.body != `["a.bin"]` {
		t.Fatalf("%v", a)
	}
	f.until("done")
	if b, err := os.ReadFile(filepath.Join(dir, "a.bin")); err != nil || !bytes.Equal(b, content) {
		t.Errorf("stored: %d bytes, %v", len(b), err)
	}
	useUploadBadly(t, c, dir)
	t.Run("page", func(t *testing.T) { uploadPage(t, s, dir) })
}

// progress is how far the upload is; it never goes back.
func (f *feed) progress(before int) int {
	f.t.Helper()
	n, err := strconv.Atoi(f.until("bytes").data)
	if err != nil || n <= before {
		f.t.Fatalf("%d bytes after %d, %v", n, before, err)
	}
	return n
}

// form is a multipart body whose second half is sent once half is closed.
func form(name string, content []byte, half <-chan struct{}) (io.Reader, string) {
	r, w := io.Pipe()
	m := multipart.NewWriter(w)
	go func() {
		part, err := m.CreateFormFile("file", name)
		if err == nil {
			_, err = part.Write(content[:len(content)/2])
		}
		if half != nil {
			<-half
		}
		if err == nil {
			_, err = part.Write(content[len(content)/2:])
		}
		if err == nil {
			err = m.Close()
		}
		w.CloseWithError(err)
	}()
	return r, m.FormDataContentType()
}

func useUploadBadly(t *testing.T, c *http.Client, dir string) {
	for name, status := range map[string]int{
		"a.bin": 409, "..": 422, strings.Repeat("x", 256): 422, "../b.bin": 201,
	} {
		body, contentType := form(name, []byte("other"), nil)
		got := ask(t, c, "POST", "/uploads/u2", body, "Content-Type", contentType)
		if got.status != status {
			t.Errorf("%.20s: %d %s, want %d", name, got.status, got.body, status)
		}
	}
	if got := ask(t, c, "POST", "/uploads/u2", strings.NewReader("x=y")); got.status != 415 {
		t.Errorf("no form: %v", got)
	}
	cut, w := io.Pipe()
	req, err := http.NewRequest("POST", "http://site/uploads/u3", cut)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	go func() {
		fmt.Fprint(w,
			"--b\r\nContent-Disposition: form-data; name=file; filename=cut.bin\r\n\r\nhalf of")
		waitFor(t, "cut.bin", func() bool { return exists(filepath.Join(dir, "cut.bin")) })
		w.CloseWithError(io.ErrClosedPipe) // the client breaks off
	}()
	if _, err := c.Do(req); err == nil {
		t.Error("a request that was broken off got an answer")
	}
	waitFor(t, "cut.bin's end", func() bool { return !exists(filepath.Join(dir, "cut.bin")) })
	if b, err := os.ReadFile(filepath.Join(dir, "b.bin")); string(b) != "other" || err != nil {
		t.Errorf("b.bin: %q %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a.bin")); len(b) < 1<<20 || err != nil {
		t.Errorf("a.bin was changed: %d bytes, %v", len(b), err)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// waitFor fails the test if something does not come true.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%s: it does not happen", what)
			return
		}
	}
}

// uploadPage sends a file that the page's script makes.
func uploadPage(t *testing.T, s *site, dir string) {
	b := browse(t, "http://"+s.addr+"/")
	b.run(`const files = new DataTransfer()
		files.items.add(new File(["x".repeat(600000)], "page.bin"))
		form.file.files = files.files
		form.requestSubmit()`)
	b.until(`document.getElementById("state").textContent === "Stored: page.bin"`)
	b.until(`document.getElementById("bar").value === 600000`)
	if info, err := os.Stat(filepath.Join(dir, "page.bin")); err != nil || info.Size() != 600000 {
		t.Errorf("%v %v", info, err)
	}
}

func useAwait(t *testing.T, s *site) {
	c := s.client(t)
	expect(t, c, "GET", "/users/1", nil, 200, `{"id":1,"name":"Ada","read":0}`)
	expect(t, c, "GET", "/users/1", nil, 200, `{"id":1,"name":"Ada","read":1}`)
	expect(t, c, "GET", "/users/9", nil, 404, "404 Not Found\n")
	expect(t, c, "GET", "/users/ada", nil, 404, "404 Not Found\nid is not valid\n")
	first := ask(t, c, "GET", "/cached/2", nil)
	if first.status != 200 || !strings.HasPrefix(first.body, `{"id":2,"name":"Grace","read":`) {
		t.Errorf("%v", first)
	}
	for range 3 {
		expect(t, c, "GET", "/cached/2", nil, 200, first.body) // the database is not asked again
	}
	expect(t, c, "GET", "/cached/9", nil, 404, "404 Not Found\n")
	expect(t, c, "GET", "/hasty/1", nil, 503, "503 Service Unavailable\nthe database is too slow\n")
}

func useNetHTTP(t *testing.T, s *site) {
	c := s.client(t)
	second := "http://" + strings.TrimPrefix(s.printed(t)[0], "net/http on ")
	for _, base := range []string{"", second} {
		expect(t, c, "GET", base+"/hello/you", nil, 200, "Hello, you!\n")
		expect(t, c, "GET", base+"/nothing", nil, 404, "404 Not Found\n")
		got := ask(t, c, "GET", base+"/debug/pprof/goroutine?debug=1", nil)
		if got.status != 200 || !strings.Contains(got.body, "goroutine profile: total") {
			t.Errorf("%s pprof: %d %.100q", base, got.status, got.body)
		}
		var vars struct {
			Cmdline []string
			Server  struct{ Requests int64 }
		}
		got = ask(t, c, "GET", base+"/debug/vars", nil)
		err := json.Unmarshal([]byte(got.body), &vars)
		if err != nil || len(vars.Cmdline) == 0 || vars.Server.Requests < 1 {
			t.Errorf("%s expvar: %v %.100q", base, err, got.body)
		}
	}
}

func useModule(t *testing.T, s *site) {
	c := s.client(t)
	expect(t, c, "POST", "/visits/ada", nil, 200, "1")
	expect(t, c, "POST", "/visits/ada", nil, 200, "2")
	expect(t, c, "POST", "/guests/bob", nil, 200, "1")
	expect(t, c, "POST", "/guests/eve", nil, 200, "1")
	expect(t, c, "POST", "/guests/mallory", nil, 409, "409 Conflict\nno more names are counted\n")
	expect(t, c, "GET", "/visits/", nil, 200, `{"ada":2}`)
	expect(t, c, "GET", "/guests/", nil, 200, `{"bob":1,"eve":1}`)
	expect(t, c, "GET", "/visits/ada", nil, 405, "405 Method Not Allowed\n")
}
