package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"
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
	f.Add([]byte("GET http://%80/ HTTP/1.1\r\nHost: x\r\n\r\n"), uint64(1)) // which net/http decodes
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := arrive(t, string(in), nil, []int{len(in)})
		if pieces := arrive(t, string(in), nil, cutsOf(seed, len(in))); !pieces.equal(whole) {
			t.Errorf("%q cut by %d:\n got %+v\nwant %+v", in, seed, pieces, whole)
		}
		small := &Limits{Line: 1 + int(seed%40), Fields: 1 + int(seed>>8%60), Count: 1 + int(seed>>16%4)}
		limited := arrive(t, string(in), small, []int{len(in)})
		if pieces := arrive(t, string(in), small, cutsOf(seed, len(in))); !pieces.equal(limited) {
			t.Errorf("%q with %+v cut by %d:\n got %+v\nwant %+v", in, small, seed, pieces, limited)
		}
		var h Head
		var r Resume
		verdict, err := Parse(in, &h, nil, &r)
		switch verdict {
		case Done:
			checkInvariants(t, &h, in)
			checkPlain(t, &h, in)
		case Bad:
			if err.Status < 400 || err.Status > 505 || err.Offset < 0 || err.Offset > len(in) || err.Reason == "" {
				t.Errorf("%q: %+v", in, err)
			}
		}
		compareWithNetHTTP(t, in, verdict, err, &h)
	})
}

// checkInvariants: what a server builds on without asking.
func checkInvariants(t *testing.T, h *Head, in []byte) {
	t.Helper()
	within := func(s, outer Span) {
		t.Helper()
		if s.End > s.Off && (s.Off < outer.Off || s.End > outer.End) || s.Off > s.End || int(s.End) > h.Size {
			t.Errorf("%q: %v is not inside %v", in, s, outer)
		}
	}
	head := span(0, h.Size)
	within(h.Method, head)
	within(h.Target, head)
	within(h.Authority, head)
	for _, s := range []Span{h.Scheme, h.Path, h.Query} {
		within(s, h.Target)
	}
	for _, f := range h.Fields {
		within(f.Name, head)
		within(f.Value, head)
		if !ValidName(string(f.Name.Of(in))) || !ValidValue(string(f.Value.Of(in))) {
			t.Errorf("%q: field %q: %q", in, f.Name.Of(in), f.Value.Of(in))
		}
		ignored := f.Known.WhenRepeated() == Ignored && h.several>>f.Known&1 != 0
		if found, ok := h.Find(in, string(f.Name.Of(in))); ok == ignored || ok && found.Off > f.Value.Off {
			t.Errorf("%q: field %q is not found", in, f.Name.Of(in))
		}
	}
	if !bytes.HasSuffix(in[:h.Size], []byte("\r\n\r\n")) || h.Chunked && h.ContentLength >= 0 || h.Minor > 1 {
		t.Errorf("%q: %+v", in, h)
	}
	if bytes.Contains(bytes.ReplaceAll(in[:h.Size], []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("%q: a line feed stands alone", in)
	}
}

// netHTTPTakes lists what net/http's parser takes and this one refuses, with the rule.
var netHTTPTakes = map[string]string{
	reasonBareLF:        "lines end in CRLF: RFC 9112 section 2.2 lets a recipient take a lone LF",
	reasonLineEnd:       "a lone CR: RFC 9112 section 2.2",
	reasonFold:          "folded lines: RFC 9112 section 5.2",
	reasonTargetByte:    "bytes that RFC 3986 has not: RFC 9112 section 3.2",
	reasonRequestLine:   "what is not one space: RFC 9112 section 3",
	reasonForm:          "CONNECT without a port, asterisk with other methods: RFC 9112 sections 3.2.3 and 3.2.4",
	reasonUnknownMethod: "asterisk with other methods: RFC 9112 section 3.2.4",
	reasonTarget:        "URIs of other schemes: RFC 9110 section 4.2",
	reasonUserinfo:      "user information: RFC 9110 section 4.2.4",
	reasonAuthority:     "hosts and ports are checked: RFC 9110 section 4.2.1",
	reasonHost:          "hosts and ports are checked, here and not in the server: RFC 9112 section 3.2",
	reasonManyHosts:     "checked here and not in the server: RFC 9112 section 3.2",
	reasonNoHost:        "checked here and not in the server: RFC 9112 section 3.2",
	reasonValueByte:     "checked here and not in the server: RFC 9110 section 5.5",
	reasonName:          "checked here and not in the server: RFC 9110 section 5.1",
	reasonNameSpace:     "checked here and not in the server: RFC 9112 section 5.1",
	reasonRepeated:      "two readers would choose differently: RFC 9110 section 5.3",
	reasonExpect:        "checked here and not in the server: RFC 9110 section 10.1.1",
	reasonMajor:         "checked here and not in the server: RFC 9112 section 2.3",
	reasonManyLengths:   "equal lengths may be taken for one: RFC 9110 section 8.6",
	reasonLengthCoding:  "Transfer-Encoding may win: RFC 9112 section 6.1",
	reasonCodingVersion: "a faulty message: RFC 9112 section 6.1",
	reasonCoding:        "empty with a Content-Length or in HTTP/1.0",
	reasonLength:        "with Transfer-Encoding, or empty",
	reasonLineLimit:     "limits are the server's there",
	reasonFieldLimit:    "limits are the server's there",
	reasonCountLimit:    "limits are the server's there",
}

func compareWithNetHTTP(t *testing.T, in []byte, verdict Verdict, err Error, h *Head) {
	t.Helper()
	empty := len(in) - len(bytes.TrimLeft(in, "\r\n")) // RFC 9112 section 2.2; net/http takes no empty line before a request
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

// knownRefusal: hosts that RFC 3986 section 3.2.2 allows and net/url does not, which are escapes and future addresses.
func knownRefusal(h *Head, in []byte, theirs error) bool {
	host := string(h.Authority.Of(in))
	if h.Form != AbsoluteForm && h.Form != AuthorityForm {
		return false
	}
	return strings.Contains(theirs.Error(), "invalid") && strings.ContainsAny(host, "%[")
}

func compareHeads(t *testing.T, in []byte, h *Head, req *http.Request) {
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
		t.Errorf("%q: length %d, chunked %v, net/http has %d, %v", in, length, h.Chunked, req.ContentLength, req.TransferEncoding)
	}
	if h.KeepAlive == req.Close && !bytes.Contains(bytes.ToLower(in), []byte("connection")) {
		t.Errorf("%q: keep-alive %v, net/http has close %v", in, h.KeepAlive, req.Close)
	}
	comparePaths(t, in, h, req)
	for _, f := range h.Fields {
		name, value := string(f.Name.Of(in)), string(f.Value.Of(in))
		key := http.CanonicalHeaderKey(name)
		if f.Known == Host || f.Known == TransferEncoding || f.Known == Trailer {
			continue // net/http takes these out of the header
		}
		if values := req.Header[key]; len(values) == 0 || !contains(values, value) {
			t.Errorf("%q: field %q: %q, net/http has %q", in, name, value, req.Header[key])
		}
	}
}

// escapedHost: net/http decodes the escapes of an absolute-form target's host, and leaves those of Host as they came.
func escapedHost(h *Head, ours, theirs string) bool {
	decoded, err := url.PathUnescape(ours)
	return h.Form == AbsoluteForm && err == nil && decoded == theirs
}

func contains(values []string, value string) bool {
	for _, v := range values {
		if v == value {
			return true
		}
	}
	return false
}

func comparePaths(t *testing.T, in []byte, h *Head, req *http.Request) {
	t.Helper()
	if h.Form != OriginForm && h.Form != AbsoluteForm {
		return
	}
	if got := string(h.Query.Of(in)); got != req.URL.RawQuery || h.HasQuery != (req.URL.RawQuery != "" || req.URL.ForceQuery) {
		t.Errorf("%q: query %q, %v, net/http has %q", in, got, h.HasQuery, req.URL.RawQuery)
	}
	raw := string(h.Path.Of(in))
	if strings.Contains(raw, "%00") || strings.Contains(strings.ToLower(raw), "%2f") {
		return
	}
	want, _, ok := cleanTwin(raw)
	got, _, err := CleanPath(nil, []byte(raw))
	if !ok || err.Status != 0 || string(got) != want {
		t.Errorf("%q: path %q, %v, net/http has %q", in, got, err, req.URL.Path)
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
		if name := string(f.Name.Of([]byte(section))); !ValidName(name) || forbiddenTrailers[KnownName(name)] {
			t.Errorf("trailer section %q: field %q", section, name)
		}
	}
}

// compareBodies: what this decoder takes, the other must read alike. What this one refuses, the other may take: it knows no
// trailer section and is content with a lone LF, with whitespace after a size and with any extension.
func compareBodies(t *testing.T, in []byte, ours *decoded, theirs []byte, err error) {
	t.Helper()
	// It has a limit for a line, and takes no whitespace before an extension, where RFC 9112 section 7.1.1 has some.
	stricter := err != nil && (strings.Contains(err.Error(), "too long") || spaceBeforeExtension.Match(in))
	switch {
	case ours.done && !stricter && (err != nil || string(theirs) != ours.body):
		t.Errorf("%q: %q here, %q, %v there", in, ours.body, theirs, err)
	case !strings.HasPrefix(string(theirs), ours.body) && !strings.HasPrefix(ours.body, string(theirs)):
		t.Errorf("%q: %q here, %q there", in, ours.body, theirs)
	}
}

var spaceBeforeExtension = regexp.MustCompile(`[0-9A-Fa-f][ \t]+;`)

func FuzzCleanPath(f *testing.F) {
	for _, path := range []string{"", "/", "/a//b/./../c/", "/%2e%2E/%2f%41", "/%00", "/%4", "/a%5c..%5cb", "/..%2f/x/.."} {
		f.Add([]byte(path))
	}
	f.Fuzz(func(t *testing.T, path []byte) {
		raw := append([]byte("/"), bytes.ReplaceAll(path, []byte{0}, nil)...)
		checkAgainstTwin(t, string(raw))
		cleaned, _, err := CleanPath(nil, raw)
		if err.Status != 0 {
			return
		}
		checkEscapedRoundTrip(t, cleaned)
		again, clean, err := CleanPath(nil, appendEscaped(nil, cleaned))
		if !clean || err.Status != 0 || !bytes.Equal(again, cleaned) {
			t.Errorf("%q is cleaned to %q, and that to %q", raw, cleaned, again)
		}
	})
}
