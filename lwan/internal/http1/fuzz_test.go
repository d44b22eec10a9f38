package http1

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// cutsOf makes pieces of n bytes from a seed: any fragmentation of a short input can come out.
func cutsOf(seed uint64, n int) (cuts []int) {
	for at := 0; at < n; {
		at = min(at+1+int(seed%7), n)
		seed = seed*6364136223846793005 + 1442695040888963407
		cuts = append(cuts, at)
	}
	return append(cuts, n)
}

func FuzzParse(f *testing.F) {
	for i, in := range splitSamples() {
		f.Add([]byte(in), uint64(i))
	}
	for _, golden := range goldenRequests(f) {
		f.Add(golden.raw, uint64(1))
	}
	// which net/http decodes
	f.Add([]byte("GET http://%80/ HTTP/1.1\r\nHost: x\r\n\r\n"), uint64(1))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := arrive(t, string(in), nil, []int{len(in)})
		if pieces := arrive(t, string(in), nil, cutsOf(seed, len(in))); !pieces.equal(whole) {
			t.Errorf("%q cut by %d:\n got %+v\nwant %+v", in, seed, pieces, whole)
		}
		small := &message.Limits{
			Line: 1 + int(seed%40), Fields: 1 + int(seed>>8%60), Count: 1 + int(seed>>16%4),
		}
		limited := arrive(t, string(in), small, []int{len(in)})
		if pieces := arrive(t, string(in), small, cutsOf(seed, len(in))); !pieces.equal(limited) {
			t.Errorf("%q with %+v cut by %d:\n got %+v\nwant %+v", in, small, seed, pieces, limited)
		}
		var h message.Head
		var r Resume
		verdict, err := Parse(in, &h, nil, &r)
		switch verdict {
		case Done:
			checkInvariants(t, &h, in)
			checkText(t, &h, in)
		case Bad:
			if err.Status < 400 || err.Status > 505 || err.Offset < 0 ||
				err.Offset > len(in) || err.Reason == "" {
				t.Errorf("%q: %+v", in, err)
			}
		}
		compareWithNetHTTP(t, in, verdict, err, &h)
	})
}

// checkInvariants: what a server builds on without asking.
func checkInvariants(t *testing.T, h *message.Head, in []byte) {
	t.Helper()
	within := func(s, outer message.Span) {
		t.Helper()
		if s.End > s.Off && (s.Off < outer.Off || s.End > outer.End) ||
			s.Off > s.End || int(s.End) > h.Size {
			t.Errorf("%q: %v is not inside %v", in, s, outer)
		}
	}
	head := message.SpanOf(0, h.Size)
	within(h.Method, head)
	within(h.Target, head)
	within(h.Authority, head)
	for _, s := range []message.Span{h.Scheme, h.Path, h.Query} {
		within(s, h.Target)
	}
	for _, f := range h.Fields {
		within(f.Name, head)
		within(f.Value, head)
		if !message.ValidName(string(f.Name.Of(in))) ||
			!message.ValidValue(string(f.Value.Of(in))) {
			t.Errorf("%q: field %q: %q", in, f.Name.Of(in), f.Value.Of(in))
		}
		ignored := f.Known.WhenRepeated() == message.Ignored && lines(h, f.Known) > 1
		found, ok := h.Find(in, string(f.Name.Of(in)))
		if ok == ignored || ok && found.Off > f.Value.Off {
			t.Errorf("%q: field %q is not found", in, f.Name.Of(in))
		}
	}
	if h.Chunked && h.ContentLength >= 0 || h.Minor > 1 {
		t.Errorf("%q: %+v", in, h)
	}
}

// checkText: a head ends where it says, and no line end is hidden in it.
func checkText(t *testing.T, h *message.Head, in []byte) {
	t.Helper()
	if !bytes.HasSuffix(in[:h.Size], []byte("\r\n\r\n")) {
		t.Errorf("%q: %+v", in, h)
	}
	if bytes.Contains(bytes.ReplaceAll(in[:h.Size], []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("%q: a line feed stands alone", in)
	}
}

// lines is how many lines a field has.
func lines(h *message.Head, k message.Known) (n int) {
	for _, f := range h.Fields {
		if f.Known == k {
			n++
		}
	}
	return n
}

// netHTTPTakes lists what net/http's parser takes and this one refuses, with the rule.
var netHTTPTakes = map[string]string{
	reasonBareLF: "lines end in CRLF: RFC 9112 section 2.2 lets a recipient take " +
		"a lone LF",
	reasonLineEnd:            "a lone CR: RFC 9112 section 2.2",
	reasonFold:               "folded lines: RFC 9112 section 5.2",
	message.ReasonTargetByte: "bytes that RFC 3986 has not: RFC 9112 section 3.2",
	reasonRequestLine:        "what is not one space: RFC 9112 section 3",
	message.ReasonForm: "CONNECT without a port, asterisk with other methods: RFC 9112 " +
		"sections 3.2.3 and 3.2.4",
	message.ReasonUnknownMethod: "asterisk with other methods: RFC 9112 section 3.2.4",
	message.ReasonTarget:        "URIs of other schemes: RFC 9110 section 4.2",
	message.ReasonUserinfo:      "user information: RFC 9110 section 4.2.4",
	message.ReasonAuthority:     "hosts and ports are checked: RFC 9110 section 4.2.1",
	message.ReasonHost: "hosts and ports are checked, here and not in the server: RFC " +
		"9112 section 3.2",
	message.ReasonManyHosts:     "checked here and not in the server: RFC 9112 section 3.2",
	message.ReasonNoHost:        "checked here and not in the server: RFC 9112 section 3.2",
	message.ReasonValueByte:     "checked here and not in the server: RFC 9110 section 5.5",
	message.ReasonName:          "checked here and not in the server: RFC 9110 section 5.1",
	reasonNameSpace:             "checked here and not in the server: RFC 9112 section 5.1",
	message.ReasonRepeated:      "two readers would choose differently: RFC 9110 section 5.3",
	message.ReasonExpect:        "checked here and not in the server: RFC 9110 section 10.1.1",
	reasonMajor:                 "checked here and not in the server: RFC 9112 section 2.3",
	message.ReasonManyLengths:   "equal lengths may be taken for one: RFC 9110 section 8.6",
	message.ReasonLengthCoding:  "Transfer-Encoding may win: RFC 9112 section 6.1",
	message.ReasonCodingVersion: "a faulty message: RFC 9112 section 6.1",
	message.ReasonCoding:        "empty with a Content-Length or in HTTP/1.0",
	message.ReasonLength:        "with Transfer-Encoding, or empty",
	message.ReasonLineLimit:     "limits are the server's there",
	message.ReasonFieldLimit:    "limits are the server's there",
	message.ReasonCountLimit:    "limits are the server's there",
}

func compareWithNetHTTP(
	t *testing.T, in []byte, verdict Verdict, err message.Error, h *message.Head,
) {
	t.Helper()
	// RFC 9112 section 2.2; net/http takes no empty line before a request
	empty := len(in) - len(bytes.TrimLeft(in, "\r\n"))
	if verdict != Done {
		empty = 0
	}
	req, theirs := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(in[empty:]), 64<<10))
	switch {
	case verdict == More && theirs == nil:
		t.Errorf("%q: net/http takes it, More here", in)
	case verdict == Bad && theirs == nil && netHTTPTakes[err.Reason] == "":
		t.Errorf("%q: net/http takes it; here %v", in, err)
	case verdict == Done && theirs != nil && !knownRefusal(h, in, theirs):
		t.Errorf("%q: net/http refuses it: %v", in, theirs)
	case verdict == Done && theirs == nil:
		compareHeads(t, in, h, req)
	}
}

// knownRefusal: hosts that RFC 3986 section 3.2.2 allows and net/url does not, which are escapes
// and future addresses.
func knownRefusal(h *message.Head, in []byte, theirs error) bool {
	host := string(h.Authority.Of(in))
	if h.Form != message.AbsoluteForm && h.Form != message.AuthorityForm {
		return false
	}
	return strings.Contains(theirs.Error(), "invalid") && strings.ContainsAny(host, "%[")
}

func compareHeads(t *testing.T, in []byte, h *message.Head, req *http.Request) {
	t.Helper()
	length := h.ContentLength
	if h.Chunked {
		length = -1
	} else {
		length = max(length, 0)
	}
	if got := string(h.Method.Of(in)); got != req.Method {
		t.Errorf("%q: method %q, net/http has %q", in, got, req.Method)
	}
	if got := string(h.Target.Of(in)); got != req.RequestURI {
		t.Errorf("%q: target %q, net/http has %q", in, got, req.RequestURI)
	}
	if got := string(h.Authority.Of(in)); got != req.Host && !escapedHost(h, got, req.Host) {
		t.Errorf("%q: authority %q, net/http has %q", in, got, req.Host)
	}
	if length != req.ContentLength || h.Chunked != (len(req.TransferEncoding) > 0) {
		t.Errorf("%q: length %d, chunked %v, net/http has %d, %v",
			in, length, h.Chunked, req.ContentLength, req.TransferEncoding)
	}
	if h.KeepAlive == req.Close && !bytes.Contains(bytes.ToLower(in), []byte("connection")) {
		t.Errorf("%q: keep-alive %v, net/http has close %v", in, h.KeepAlive, req.Close)
	}
	comparePaths(t, in, h, req)
	for _, f := range h.Fields {
		name, value := string(f.Name.Of(in)), string(f.Value.Of(in))
		key := http.CanonicalHeaderKey(name)
		if f.Known == message.Host || f.Known == message.TransferEncoding ||
			f.Known == message.Trailer {
			continue // net/http takes these out of the header
		}
		if values := req.Header[key]; len(values) == 0 || !contains(values, value) {
			t.Errorf("%q: field %q: %q, net/http has %q", in, name, value, req.Header[key])
		}
	}
}

// escapedHost: net/http decodes the escapes of an absolute-form target's host, and leaves those of
// Host as they came.
func escapedHost(h *message.Head, ours, theirs string) bool {
	decoded, err := url.PathUnescape(ours)
	return h.Form == message.AbsoluteForm && err == nil && decoded == theirs
}

func contains(values []string, value string) bool {
	for _, v := range values {
		if v == value {
			return true
		}
	}
	return false
}

func comparePaths(t *testing.T, in []byte, h *message.Head, req *http.Request) {
	t.Helper()
	if h.Form != message.OriginForm && h.Form != message.AbsoluteForm {
		return
	}
	got := string(h.Query.Of(in))
	if got != req.URL.RawQuery || h.HasQuery != (req.URL.RawQuery != "" || req.URL.ForceQuery) {
		t.Errorf("%q: query %q, %v, net/http has %q", in, got, h.HasQuery, req.URL.RawQuery)
	}
	raw := string(h.Path.Of(in))
	if strings.Contains(raw, "%00") || strings.Contains(strings.ToLower(raw), "%2f") {
		return
	}
	cleaned, clean, err := message.CleanPath(nil, []byte(raw))
	if err.Status != 0 || clean && string(cleaned) != cmp.Or(req.URL.Path, "/") {
		t.Errorf("%q: path %q, clean %v, %v, net/http has %q",
			in, cleaned, clean, err, req.URL.Path)
	}
	if h.PlainPath && (!clean || string(cleaned) != raw) {
		t.Errorf("%q: path %q is said to be plain, and is cleaned to %q", in, raw, cleaned)
	}
}

func FuzzChunked(f *testing.F) {
	for i, c := range chunkedBodies {
		f.Add([]byte(c.in), uint64(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := decode(t, &Chunked{}, string(in), []int{len(in)}, 0)
		pieces := decode(t, &Chunked{}, string(in), cutsOf(seed, len(in)), int(seed>>32%5))
		if whole != pieces {
			t.Errorf("%q cut by %d:\n got %+v\nwant %+v", in, seed, pieces, whole)
		}
		if whole.done {
			checkTrailer(t, whole.trailer)
		}
		theirs, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(in)))
		compareBodies(t, in, &whole, theirs, err)
	})
}

func checkTrailer(t *testing.T, section string) {
	t.Helper()
	fields, err := ParseTrailer([]byte(section), nil)
	if err.Status != 0 || !strings.HasSuffix(section, "\r\n") {
		t.Errorf("trailer section %q: %v", section, err)
	}
	for _, f := range fields {
		name := string(f.Name.Of([]byte(section)))
		if !message.ValidName(name) || !message.InTrailer(name) {
			t.Errorf("trailer section %q: field %q", section, name)
		}
	}
}

// compareBodies: what this decoder takes, the other must read alike. What this one refuses, the
// other may take: it knows no trailer section and is content with a lone LF, with whitespace after
// a size and with any extension.
func compareBodies(t *testing.T, in []byte, ours *decoded, theirs []byte, err error) {
	t.Helper()
	// It has a limit for a line, and takes no whitespace before an extension, where RFC 9112
	// section 7.1.1 has some.
	stricter := err != nil &&
		(strings.Contains(err.Error(), "too long") || spaceBeforeExtension.Match(in))
	switch {
	case ours.done && !stricter && (err != nil || string(theirs) != ours.body):
		t.Errorf("%q: %q here, %q, %v there", in, ours.body, theirs, err)
	case !strings.HasPrefix(string(theirs), ours.body) &&
		!strings.HasPrefix(ours.body, string(theirs)):
		t.Errorf("%q: %q here, %q there", in, ours.body, theirs)
	}
}

var spaceBeforeExtension = regexp.MustCompile(`[0-9A-Fa-f][ \t]+;`)
