package examples_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestBoard builds the board, which is a module of its own, and uses its pages in a browser, on the
// screens of a phone and a desktop, and in both colour schemes. What its server does by itself is
// tested beside it.
func TestBoard(t *testing.T) {
	if os.Getenv("GOLWAN_TEST_BOARD") == "" {
		t.Skip("skipped: GOLWAN_TEST_BOARD is not set; it builds another module")
	}
	chromium(t) // or skipped, before anything is built
	dir := t.TempDir()
	program := filepath.Join(dir, "board")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = "board"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	s := run(t, program, "127.0.0.1:0", "-admin", "127.0.0.1:0",
		"-data", filepath.Join(dir, "data"))
	base := "http://" + s.addr
	b := browse(t, base+"/sign-in")
	b.screen(390, 844, true)

	b.run(`document.querySelector("[name=user]").value = "ann";
		document.querySelector("[name=password]").value = "short";
		document.querySelector("[formaction]").click()`)
	b.becomes(`document.querySelector(".error")?.textContent === "must have 8 to 72 bytes"`)
	b.run(`document.querySelector("[name=password]").value = "long enough";
		document.querySelector("[formaction]").click()`)
	b.becomes(`document.querySelector(".empty")?.textContent === "Nothing yet."`)
	b.run(`document.querySelector("[name=text]").value = "<b>first</b>";
		document.querySelector("#post button").click()`)
	b.becomes(`document.querySelector("article .text")?.textContent === "<b>first</b>"`)

	// A file goes by the script, which shows how far it is.
	b.run(`{
		const files = new DataTransfer();
		files.items.add(new File(["x".repeat(300000)], "notes.txt"));
		document.querySelector("[name=file]").files = files.files;
		document.querySelector("[name=text]").value = "with a file";
		document.querySelector("#post button").click();
	}`)
	b.becomes(`document.querySelector("article .file a")?.textContent === "notes.txt"`)

	// What somebody else posts comes by itself, and so does a change.
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	bob := &http.Client{Jar: jar}
	defer bob.CloseIdleConnections()
	for _, form := range []struct {
		path string
		url.Values
	}{
		{"/join", url.Values{"user": {"bob"}, "password": {"long enough"}}},
		{"/entries", url.Values{"text": {"from bob"}, "state": {"blocked"}}},
	} {
		resp, err := bob.PostForm(base+form.path, form.Values)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	b.becomes(`document.querySelector("article .text").textContent === "from bob"`)
	b.run(`fetch("/api/entries/1", {method: "PATCH", body: JSON.stringify({state: "done"}),
		headers: {"Content-Type": "application/json"}})`)
	b.becomes(`document.querySelector("#entry-1 .state").textContent === "done"`)

	b.looks("desktop", 1280, 800, false)
	b.looks("phone", 390, 844, true)
	b.run(`document.querySelector("header button").click()`)
	b.becomes(`document.querySelector("header a[href='/sign-in']") !== null`)
}

// looks asks for what can be measured of the page on a screen: it has both colour schemes, and no
// width beyond the screen's. What it looks like is for people to judge, in GOLWAN_SCREENSHOTS.
func (b *browser) looks(name string, width, height int, mobile bool) {
	b.t.Helper()
	b.screen(width, height, mobile)
	for _, scheme := range []string{"light", "dark"} {
		b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
			{"name": "prefers-color-scheme", "value": scheme},
		}}, nil)
		b.becomes(fmt.Sprintf("innerWidth === %d", width))
		b.becomes(`document.documentElement.scrollWidth <= innerWidth`)
		if dark := b.run(`getComputedStyle(document.body).backgroundColor`); (dark ==
			`"rgb(20, 23, 27)"`) != (scheme == "dark") {
			b.t.Errorf("%s: the background is %s", scheme, dark)
		}
		if dir := os.Getenv("GOLWAN_SCREENSHOTS"); dir != "" {
			b.screenshot(filepath.Join(dir, "board-"+name+"-"+scheme+".png"))
		}
	}
}

// screen makes the page as large as a screen.
func (b *browser) screen(width, height int, mobile bool) {
	b.t.Helper()
	scale := 1
	if mobile {
		scale = 2
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile,
	}, nil)
}

// becomes waits until an expression is true, whatever pages come meanwhile: there is none for a
// moment between two of them.
func (b *browser) becomes(expression string) {
	b.t.Helper()
	for late := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var got struct{ Result struct{ Value any } }
		err := b.try("Runtime.evaluate",
			map[string]any{"expression": expression, "returnByValue": true}, &got)
		if err == nil && got.Result.Value == true {
			return
		}
		if time.Now().After(late) {
			b.t.Fatalf("%s does not come true (%v); the page says %s", expression, err,
				b.run("document.body.innerText"))
		}
	}
}

// screenshot writes what the page looks like to a file.
func (b *browser) screenshot(file string) {
	b.t.Helper()
	var got struct{ Data []byte }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	if err := os.WriteFile(file, got.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
