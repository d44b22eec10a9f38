//go:build linux && !golwan_nethttp

package soak_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"

	"github.com/golwan/golwan/lwan/internal/faults"
)

// answer reads what comes and compares it with what a wants.
func (c *soakClient) answer(a *soakAsk) error {
	resp, err := c.head(a)
	if err != nil {
		return err
	}
	if err := c.refused(resp); err != nil {
		return err
	}
	if a.opens && resp.StatusCode != a.status && resp.StatusCode >= 500 && c.wasShort() {
		_, err := io.Copy(io.Discard, resp.Body)
		return errors.Join(errExcused, err)
	}
	if wrong := a.compareHead(resp); wrong != "" {
		return errors.New(wrong)
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && a.method != "HEAD" && endsWithConnection(resp) && len(body) < len(a.body) {
		// the fault-injecting kernel ends connections with a FIN, where a real one would report the
		// reset
		err = io.EOF
	}
	if wrong := a.compareBody(resp, body, err == nil); wrong != "" {
		return errors.New(wrong)
	}
	if err != nil && !a.cut {
		return cutBy(err)
	}
	c.answers++
	c.s.ledger.answered(a)
	return nil
}

// endsWithConnection reports whether nothing else says where the body ends (RFC 9112 section 6.3).
func endsWithConnection(resp *http.Response) bool {
	return resp.ContentLength < 0 && len(resp.TransferEncoding) == 0
}

// head reads an answer's, after those that are informational.
func (c *soakClient) head(a *soakAsk) (*http.Response, error) {
	for {
		if _, err := c.in.Peek(1); err != nil {
			return nil, errors.Join(cutBy(err), errNothing)
		}
		resp, err := c.nextHead(a.method)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == 101 {
			return resp, nil
		}
	}
}

// nextHead reads one, an informational one, too.
func (c *soakClient) nextHead(method string) (*http.Response, error) {
	resp, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err == nil {
		return resp, nil
	}
	// bytes that look malformed are the beginning of something good
	if _, more := c.in.Peek(1); more != nil {
		err = more
	}
	return nil, cutBy(err)
}

// refused is errRefused if the answer is what a connection over Server.MaxConns gets, and the
// connection was one.
func (c *soakClient) refused(resp *http.Response) error {
	if resp.StatusCode != 503 || resp.ContentLength != 0 || resp.Header.Get("X-Id") != "" {
		return nil
	}
	if err := c.finish(); err != nil { // what the kernel did is known once it has ended
		return err
	}
	if c.learn(); c.harm&faults.Refused != 0 {
		return errRefused
	}
	return nil
}

// cutBy is errCut if err says no more than that.
func cutBy(err error) error {
	if strings.HasPrefix(err.Error(), "http: suspiciously long trailer") ||
		strings.HasPrefix(err.Error(), "http: unexpected EOF reading trailer") {
		// net/http's words for an end where a trailer section may be
		return fmt.Errorf("%w: %w", errCut, err)
	}
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", errCut, e)
		}
	}
	return err
}

// displacedAnswer begins what is said of an answer to another request.
const displacedAnswer = "an answer to "

// compareHead says what is wrong with it, or "".
func (a *soakAsk) compareHead(resp *http.Response) string {
	switch {
	case resp.StatusCode != a.status:
		return fmt.Sprintf("status %d with %v, want %d", resp.StatusCode, resp.Header, a.status)
	case resp.Header.Get("X-Id") != a.id:
		return fmt.Sprintf(displacedAnswer+"%q, want one to %q", resp.Header.Get("X-Id"), a.id)
	case resp.Close != a.closes && !a.cut:
		return fmt.Sprintf("closes: %v, want %v", resp.Close, a.closes)
	case a.method == "HEAD" && resp.ContentLength >= 0 && resp.ContentLength != int64(len(a.body)):
		return fmt.Sprintf("length %d, want %d", resp.ContentLength, len(a.body))
	}
	for name, want := range a.fields {
		if got := resp.Header.Get(name); got != want && !strings.HasPrefix(name, "trailer ") {
			return fmt.Sprintf("%s: %q, want %q", name, got, want)
		}
	}
	return ""
}

// compareBody says what is wrong with what came of the body, or "".
func (a *soakAsk) compareBody(resp *http.Response, got []byte, whole bool) string {
	want := a.body
	if a.method == "HEAD" {
		want = nil
	}
	switch {
	case whole && a.cut:
		return "it cannot be seen that the answer is cut"
	case !whole && a.plain != nil:
		return ""
	case a.plain != nil:
		var err error
		if got, err = a.plain(got); err != nil {
			return err.Error()
		}
	}
	i := difference(got, want)
	if i < min(len(got), len(want)) || whole && len(got) != len(want) || len(got) > len(want) {
		return fmt.Sprintf("%d bytes, want %d, different from byte %d on: %.60q, want %.60q",
			len(got), len(want), i, got[i:], want[min(i, len(want)):])
	}
	for name, want := range a.fields {
		field, ok := strings.CutPrefix(name, "trailer ")
		if ok && whole && resp.Trailer.Get(field) != want {
			return fmt.Sprintf("trailer %s: %q, want %q", field, resp.Trailer.Get(field), want)
		}
	}
	return ""
}

// difference is the first place where a and b differ, or the length of the shorter one.
func difference(a, b []byte) int {
	n := min(len(a), len(b))
	if bytes.Equal(a[:n], b[:n]) {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
