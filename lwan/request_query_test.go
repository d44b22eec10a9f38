package lwan

import (
	"bytes"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

func TestQuery(t *testing.T) {
	tests := []struct {
		query, name string
		want        []string
	}{
		{"q=go", "q", []string{"go"}},
		{"q=go", "Q", nil}, // names are case-sensitive
		{"q=go", "", nil},
		{"a=1&q=2&a=3", "a", []string{"1", "3"}},
		{"q", "q", []string{""}},
		{"q=", "q", []string{""}},
		{"=x", "", []string{"x"}},
		{"&&q=1&", "q", []string{"1"}},
		{"q=a=b", "q", []string{"a=b"}},
		{"q=a+b%20c%2Bd", "q", []string{"a b c+d"}},
		{"a%20b=1&a+b=2", "a b", []string{"1", "2"}},
		{"q=%C3%A4", "q", []string{"ä"}},
		{"q=%00", "q", []string{"\x00"}},
		{"q=%zz&q=ok", "q", []string{"ok"}}, // an invalid escape: the pair is ignored
		{"q=%4&q=ok", "q", []string{"ok"}},
		{"q%=1&q=ok", "q", []string{"ok"}},
		{"q=1;q=2&q=3", "q", []string{"3"}}, // a semicolon: the pair is ignored
		{"", "q", nil},
	}
	for _, tt := range tests {
		req, _ := memoryRequest(t, "GET /?"+tt.query+" HTTP/1.1\nHost: h", nil)
		if got := req.QueryAll(tt.name); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("?%s: QueryAll(%q) = %q, want %q", tt.query, tt.name, got, tt.want)
		}
		first := ""
		if len(tt.want) > 0 {
			first = tt.want[0]
		}
		if got := req.Query(tt.name); got != first {
			t.Errorf("?%s: Query(%q) = %q, want %q", tt.query, tt.name, got, first)
		}
	}
}

func TestQueryWithoutQuery(t *testing.T) {
	req, _ := memoryRequest(t, "GET / HTTP/1.1\nHost: h", nil)
	if got := req.Query("q"); got != "" {
		t.Errorf("Query = %q", got)
	}
	unparsed := &Request{head: new(message.Head)} // as observers and error pages see one
	if got := unparsed.Query("q"); got != "" {
		t.Errorf("Query of a request without a head = %q", got)
	}
}

// A result is a copy: the read buffer is written again for the next request.
func TestQueryCopies(t *testing.T) {
	req, _ := memoryRequest(t, "GET /?plain=abc&coded=%41bc HTTP/1.1\nHost: h", nil)
	plain, coded, all := req.Query("plain"), req.Query("coded"), req.QueryAll("plain")
	clear(req.buf)
	decoded := req.query.decoded
	clear(decoded[:cap(decoded)])
	if plain != "abc" || coded != "Abc" || all[0] != "abc" {
		t.Errorf("after the buffer's end: %q %q %q", plain, coded, all)
	}
}

func TestQueryLimit(t *testing.T) {
	many := strings.Repeat("a=1&", defaultPairs-1)
	for query, want := range map[string]string{
		many + "last=x":            "x",
		many + "a=1&last=x":        "",
		many + "a=%zz&last=x":      "", // bad pairs count
		many + "&&&&&&&&&&&last=x": "x",
	} {
		req, _ := memoryRequest(t, "GET /?"+query+" HTTP/1.1\nHost: h", nil)
		if got := req.Query("last"); got != want {
			t.Errorf("...%s: last = %q, want %q", query[len(many):], got, want)
		}
	}
}

func TestPairsReset(t *testing.T) {
	var p pairs
	big := []byte(strings.Repeat("n%61me=%76alue&", defaultPairs))
	for range 3 {
		p.made = true
		p.decode(big, defaultPairs)
		p.reset()
		if p.made || len(p.list) != 0 || cap(p.list) > keptPairs || cap(p.decoded) > keptDecoded {
			t.Fatalf("after reset: made %v, %d of %d pairs, %d bytes",
				p.made, len(p.list), cap(p.list), cap(p.decoded))
		}
		p.made = true
		p.decode([]byte("%61=1&b=%32"), defaultPairs)
		if a, _ := p.find("a"); a != "1" {
			t.Fatalf("a = %q", a)
		}
		if b, _ := p.find("b"); b != "2" {
			t.Fatalf("b = %q", b)
		}
		if _, ok := p.find("name"); ok {
			t.Fatal("a pair of the last request is still there")
		}
		p.reset()
		if rest := p.list[:cap(p.list)]; len(rest) > 0 && rest[0] != (pair{}) {
			t.Fatalf("a view of an old buffer is kept: %q", rest[0])
		}
	}
}

func TestQueryAllocations(t *testing.T) {
	req, _ := memoryRequest(t, "GET /?page=20&q=words&coded=a%20b HTTP/1.1\nHost: h", nil)
	use := func(name string) func() {
		return func() {
			req.query.reset()
			req.Query(name)
		}
	}
	for name, want := range map[string]float64{"absent": 0, "q": 1, "coded": 1} {
		if got := testing.AllocsPerRun(100, use(name)); got != want {
			t.Errorf("Query(%q) allocates %v times, want %v", name, got, want)
		}
	}
}

// Every escape there can be, and all that cannot.
func TestUnescapeAll(t *testing.T) {
	for i := range 1 << 16 {
		text := string([]byte{'%', byte(i >> 8), byte(i)})
		want, err := url.QueryUnescape(text)
		var p pairs
		got, ok := p.unescape([]byte(text), len(text))
		if ok != (err == nil) || got != want {
			t.Fatalf("%q: %q, %v; net/url: %q, %v", text, got, ok, want, err)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "a=1&b=2&a=3", "a+b=c%20d", "%zz=1&a=%4", "a;b=1&c=2", "&&=&=x&y", "%C3%A4=%00", "a=%2",
		"=%", "a=b=c&+=+",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Count(text, []byte("&")) >= defaultPairs {
			return // we stop; net/url goes on
		}
		before := bytes.Clone(text)
		var p pairs
		result := p.decode(text, defaultPairs)
		if !bytes.Equal(text, before) {
			t.Fatalf("decoding has changed the buffer: %q, was %q", text, before)
		}
		want, err := url.ParseQuery(string(text))
		if (err != nil) != (result == encodedMalformed) || result == encodedTooMany {
			t.Fatalf("%q: result %d, net/url: %v", text, result, err)
		}
		n := 0
		for name, values := range want {
			n += len(values)
			if got := p.all(name); !reflect.DeepEqual(got, values) {
				t.Fatalf("%q: %q is %q, net/url: %q", text, name, got, values)
			}
		}
		if n != len(p.list) {
			t.Fatalf("%q: %d pairs, net/url: %d", text, len(p.list), n)
		}
	})
}

func BenchmarkQuery(b *testing.B) {
	for _, query := range []string{
		"page=20", "utf8=%E2%9C%93&q=event+loop&lang=en&page=2&sort=price&dir=asc",
	} {
		req, _ := memoryRequest(b, "GET /?"+query+" HTTP/1.1\nHost: h", nil)
		b.Run(fmt.Sprint(len(query)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req.query.reset()
				req.Query("page")
			}
		})
	}
}
