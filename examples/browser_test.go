package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// browser is a page in a headless Chromium, which is told what to do through a pipe: JSON messages
// of the DevTools protocol, each ended by a NUL.
type browser struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	n       int    // messages sent
	session string // of the page
}

// browse opens a page, or skips the test where there is no Chromium.
func browse(t *testing.T, url string, flags ...string) *browser {
	t.Helper()
	program := chromium(t)
	fromUs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "golwan-browser")
	if err != nil {
		t.Fatal(err)
	}
	flags = append(flags, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd := exec.CommandContext(t.Context(), program, flags...)
	cmd.ExtraFiles = []*os.File{fromUs, toUs} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	b := &browser{t: t, in: in, out: bufio.NewReader(out)}
	// a browser that hangs fails the test
	late := time.AfterFunc(time.Minute, func() { out.Close() })
	t.Cleanup(func() {
		late.Stop()
		in.Close() // it ends with its pipe, with a code that depends on how busy it was
		_, _ = io.Copy(io.Discard, b.out)
		_ = cmd.Wait()
		out.Close()
		removeProfile(t, profile)
	})
	b.open(url)
	return b
}

// removeProfile removes the browser's folder. Its helper processes end a little later than it does,
// and still write there.
func removeProfile(t *testing.T, dir string) {
	err := os.RemoveAll(dir)
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		err = os.RemoveAll(dir)
	}
	if err != nil {
		t.Log(err) // a folder of the system's temporary ones is left; the example is not to blame
	}
}

// chromium is the program's path.
func chromium(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("skipped: no pipes to a child process but the standard ones")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Skip("skipped: there is no Chromium")
	return ""
}

// open makes a page and goes to url; what is run then is run there.
func (b *browser) open(url string) {
	b.t.Helper()
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true},
		&target)
	b.session = target.SessionID
	var moved struct{ ErrorText string }
	b.call("Page.navigate", map[string]any{"url": url}, &moved)
	if moved.ErrorText != "" {
		b.t.Fatalf("%s: %s", url, moved.ErrorText)
	}
	b.until(`document.readyState === "complete"`)
}

// call sends a command, and waits for its result.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	if err := b.try(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

// try is call, where the browser may refuse the command.
func (b *browser) try(method string, params map[string]any, result any) error {
	b.t.Helper()
	b.n++
	command := map[string]any{"id": b.n, "method": method, "params": params}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	message, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(message, 0)); err != nil {
		b.t.Fatal(err)
	}
	return b.answer(method, result)
}

// answer skips what the browser says of its own accord.
func (b *browser) answer(method string, result any) error {
	b.t.Helper()
	for {
		line, err := b.out.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: the browser said nothing: %v", method, err)
		}
		var got struct {
			ID     int
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &got); err != nil {
			b.t.Fatal(err)
		}
		if got.ID != b.n {
			continue
		}
		if got.Error != nil {
			return fmt.Errorf("%s: %s", method, got.Error)
		}
		if result != nil {
			return json.Unmarshal(got.Result, result)
		}
		return nil
	}
}

// run runs a script in the page and returns its value, as JSON.
func (b *browser) run(script string) string {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate",
		map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &got)
	if got.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", script, got.ExceptionDetails)
	}
	return string(got.Result.Value)
}

// until waits in the page until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	got := b.run(fmt.Sprintf(`new Promise(done => {
		const late = Date.now() + 20000
		const look = () => {
			if (%s) done("")
			else if (Date.now() > late) done(document.body.innerText)
			else setTimeout(look, 20)
		}
		look()
	})`, expression))
	if got != `""` {
		b.t.Fatalf("%s does not come true; the page says %s", expression, got)
	}
}

// text is what an element of the page shows.
func (b *browser) text(id string) string {
	b.t.Helper()
	return strings.Trim(b.run(fmt.Sprintf("document.getElementById(%q).textContent", id)), `"`)
}
