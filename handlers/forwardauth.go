package handlers

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/router"
)

// ForwardAuthConfig says who is asked whether a request may pass.
type ForwardAuthConfig struct {
	// To is the http or https URL that is asked with GET, one request for each. Must be set.
	To string

	// Send are the fields of the request that are sent along: nil: Authorization and Cookie.
	Send []string

	// Copy are fields of a good answer that are put into the request, for what is inside. What a
	// client sends in them is dropped, also where the answer has none.
	Copy []string

	// User is the field of a good answer that UserKey is set to; "": none is.
	User string

	// Timeout is the time to connect, and again the time until the answer: 5 s; then 504.
	Timeout time.Duration
}

// ForwardAuth asks a service whether a request may pass, before anything inside runs: an answer of
// 2xx lets it in; 401 and 403 are passed on, with WWW-Authenticate, and every other one is an error
// of the service (500). Where it cannot be reached the answer is 502 or 504: nobody passes unasked.
// The handler parks meanwhile, and connections are kept.
//
// The service is told what is asked for: X-Forwarded-Method, X-Forwarded-Proto, X-Forwarded-Host,
// X-Forwarded-For with the client's address, and X-Forwarded-Uri: path and query as the routes here
// are searched for them, so that no other writing of a path is another one for the service. An
// encoded slash in it stays %2F, and if the service takes it for a slash, so must what is inside.
// The body is not sent.
func ForwardAuth(c ForwardAuthConfig) (lwan.Middleware, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Send == nil {
		c.Send = []string{"Authorization", "Cookie"}
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	to, err := url.Parse(c.To)
	if err != nil {
		return nil, err
	}
	a := &forwardAuth{ForwardAuthConfig: c, by: &lwan.Dialer{
		Network: "tcp", Address: net.JoinHostPort(to.Hostname(), portOf(to)), Timeout: c.Timeout,
	}}
	if to.Scheme == "https" {
		a.by.TLS = &tls.Config{}
	}
	a.head = "GET " + to.RequestURI() + " HTTP/1.1\r\nHost: " + to.Host +
		"\r\nUser-Agent: golwan\r\n"
	return a.middleware, nil
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// Check says what is wrong with the configuration.
func (c ForwardAuthConfig) Check() error {
	var errs []error
	u, err := url.Parse(c.To)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("ForwardAuthConfig.To: %w", err))
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.Fragment != "":
		errs = append(errs, fmt.Errorf("ForwardAuthConfig.To: %q is no http or https URL", c.To))
	}
	if c.Timeout < 0 {
		errs = append(errs, errors.New("ForwardAuthConfig.Timeout is negative"))
	}
	headers := RequestHeadersConfig{Remove: append(append([]string{}, c.Send...), c.Copy...)}
	if c.User != "" {
		headers.Remove = append(headers.Remove, c.User)
	}
	for _, name := range headers.Remove {
		if isForwarded(name) {
			errs = append(errs, fmt.Errorf("ForwardAuthConfig: %s is set here", name))
		}
	}
	return errors.Join(append(errs, headers.check())...)
}

func isForwarded(name string) bool {
	return len(name) >= len("X-Forwarded-") && strings.EqualFold(name[:len("X-Forwarded-")],
		"X-Forwarded-")
}

type forwardAuth struct {
	ForwardAuthConfig
	head string // of what is asked, but for the request's own
	by   *lwan.Dialer
}

func (a *forwardAuth) middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		said, err := a.ask(req)
		if err != nil {
			return resp.Fail(fmt.Errorf("handlers: nobody says whether it may pass: %w", err))
		}
		switch st := said.status; {
		case st >= 200 && st < 300:
		case st == lwan.StatusUnauthorized, st == lwan.StatusForbidden:
			for _, line := range said.header["Www-Authenticate"] {
				resp.AddHeader("WWW-Authenticate", line)
			}
			return st
		default:
			return resp.Fail(fmt.Errorf("handlers: %s answers with status %d", a.To, int(st)))
		}
		if err := a.take(req, said.header); err != nil {
			return resp.Fail(err)
		}
		return next(req, resp)
	}
}

// said is what a service answers.
type said struct {
	status lwan.Status
	header http.Header
}

// ask asks the service. A kept connection may have ended meanwhile: then a new one is taken, once.
func (a *forwardAuth) ask(req *lwan.Request) (said, error) {
	question := a.question(req)
	c, err := a.by.Get(req)
	if err != nil {
		return said{}, err
	}
	answer, err := a.exchange(c, question)
	if err == nil || !c.Reused() || errors.Is(err, os.ErrDeadlineExceeded) {
		return answer, err
	}
	if c, err = a.by.Open(req); err != nil {
		return said{}, err
	}
	return a.exchange(c, question)
}

// maxAuthBody is how much of an answer is read, so that its connection can be kept.
const maxAuthBody = 64 << 10

// exchange sends the question and reads the answer. Then the connection is kept, or closed.
func (a *forwardAuth) exchange(c *lwan.Conn, question []byte) (answer said, err error) {
	defer c.Close() // nothing, once it is kept
	if err := c.SetWriteDeadline(time.Now().Add(a.Timeout)); err != nil {
		return answer, err
	}
	if _, err := c.Write(question); err != nil {
		return answer, err
	}
	var r lwan.Reply
	until := time.Now().Add(a.Timeout) // of all that is read: heads before it, and a body, too
	for informed := 0; r.Status < 200; informed++ {
		if informed > maxInformed || r.Status == switching {
			return answer, lwan.ErrBadReply
		}
		left := max(time.Until(until), 1)
		limits := lwan.ReplyLimits{Time: left, Pause: left}
		if err := r.ReadHead(c, lwan.ReplyHTTP, "GET", limits); err != nil {
			return answer, err
		}
	}
	answer = said{r.Status, http.Header{}}
	for name, value := range r.Headers() {
		answer.header.Add(name, value)
	}
	// a body that is longer, breaks off or is not there in time only costs the connection
	body := timedReader{r.Body(), until}
	if _, err := io.CopyN(io.Discard, body, maxAuthBody); err == io.EOF {
		c.Keep()
	}
	return answer, nil
}

// timedReader reads until some time; the read that waits then ends by itself.
type timedReader struct {
	r     io.Reader
	until time.Time
}

func (t timedReader) Read(p []byte) (int, error) {
	if time.Now().After(t.until) {
		return 0, os.ErrDeadlineExceeded
	}
	return t.r.Read(p)
}

// maxInformed is how many informational heads may come before an answer, of which 101 is none that
// was asked for.
const (
	maxInformed = 8
	switching   = 101
)

// question is what the service is asked. Nothing of it can break a line: the server has read it
// from fields and a target.
func (a *forwardAuth) question(req *lwan.Request) []byte {
	b := []byte(a.head)
	add := func(name, value string) {
		b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
	}
	for _, name := range a.Send {
		for _, value := range req.HeaderAll(name) {
			add(name, value)
		}
	}
	add("X-Forwarded-Method", req.Method())
	add("X-Forwarded-Proto", req.Scheme())
	add("X-Forwarded-Host", req.Host())
	var path string
	req.Borrow(func() { path = router.Escape(string(req.PathBytes())) })
	add("X-Forwarded-Uri", string(req.AppendRoutedQuery([]byte(path))))
	if client := req.RemoteAddr(); client.IsValid() {
		add("X-Forwarded-For", client.Addr().Unmap().String())
	}
	return append(b, "\r\n"...)
}

// take puts what the service says into the request.
func (a *forwardAuth) take(req *lwan.Request, said http.Header) error {
	for _, name := range a.Copy {
		if err := req.DelHeader(name); err != nil {
			return err
		}
		if all := said.Values(name); len(all) > 0 {
			if err := req.SetHeader(name, strings.Join(all, ", ")); err != nil {
				return err
			}
		}
	}
	if user := said.Get(a.User); a.User != "" && user != "" {
		UserKey.Set(req, user)
	}
	return nil
}
