package http1

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/message"
)

// decoded is all that a caller can see of a body.
type decoded struct {
	body     string
	done     bool
	consumed int
	err      message.Error // with its offset counted from the start of the body
	trailer  string
}

// decode gives in to c in pieces that end at cuts, and takes at most take bytes of data at a time
// (0: all there are).
func decode(t *testing.T, c *Chunked, in string, cuts []int, take int) (d decoded) {
	t.Helper()
	for _, cut := range cuts {
		for {
			skip, data, done, err := c.Next([]byte(in[d.consumed:cut]))
			d.consumed += skip
			if err.Status != 0 {
				err.Offset += d.consumed - skip
				d.err = err
				return d
			}
			if done {
				d.done, d.trailer = true, in[d.consumed-c.TrailerLen():d.consumed]
				return d
			}
			if left := c.Remaining(); int64(data) > left || data > cut-d.consumed {
				t.Fatalf("%q: %d bytes of data where %d remain and %d are there",
					in, data, left, cut-d.consumed)
			}
			if data == 0 {
				break
			}
			if take > 0 {
				data = min(data, take)
			}
			d.body += in[d.consumed : d.consumed+data]
			d.consumed += data
			c.Advance(data)
		}
	}
	return d
}

var chunkedBodies = []struct {
	in, body, rest string
	trailer        string
	err            message.Error // Status 0: none; then, without done, the body is a prefix
	done           bool
}{
	{in: "0\r\n\r\n", done: true, trailer: "\r\n"},
	{in: "5\r\nhello\r\n0\r\n\r\nGET /", body: "hello", rest: "GET /", done: true, trailer: "\r\n"},
	{
		in:   "5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n",
		body: "hello world", done: true, trailer: "\r\n",
	},
	{in: "A\r\n0123456789\r\n0\r\n\r\n", body: "0123456789", done: true, trailer: "\r\n"},
	{
		in:   "00000000000000a\r\n0123456789\r\n0\r\n\r\n",
		body: "0123456789", done: true, trailer: "\r\n",
	},
	{in: "1;a\r\nx\r\n0\r\n\r\n", body: "x", done: true, trailer: "\r\n"},
	{in: "1;a=b;c=\"d;\\\"\\\r\x80", body: "", err: fault(400, 14, reasonChunkExt)},
	{
		in:   "1;a=b;c=\"d;=\\\"\\\\\x80\t\";e\r\nx\r\n0;f=g\r\n\r\n",
		body: "x", done: true, trailer: "\r\n",
	},
	{in: "1 ;\ta = b\t; c\r\nx\r\n0\r\n\r\n", body: "x", done: true, trailer: "\r\n"},
	{in: "1;a=\"b\" ;c\r\nx\r\n0\r\n\r\n", body: "x", done: true, trailer: "\r\n"},
	{in: "0\r\na: b\r\nc:d\r\n\r\nrest", rest: "rest", done: true, trailer: "a: b\r\nc:d\r\n\r\n"},
	{in: "7fffffffffffffff\r\nxx", body: "xx"},
	{in: "", body: ""},
	{in: "5\r\nhel", body: "hel"},
	{in: "5\r\nhello\r\n", body: "hello"},
	{in: "0\r\na: b\r\n", body: ""},

	{in: "\r\n", err: fault(400, 0, reasonChunkSize)},
	{in: " 5\r\nhello", err: fault(400, 0, reasonChunkSize)},
	{in: "g\r\n", err: fault(400, 0, reasonChunkSize)},
	{in: "-5\r\n", err: fault(400, 0, reasonChunkSize)},
	{in: "+5\r\n", err: fault(400, 0, reasonChunkSize)},
	{in: "0x5\r\n", err: fault(400, 1, reasonChunkSize)},
	{in: ";a\r\n", err: fault(400, 0, reasonChunkSize)},
	{in: "5_0\r\n", err: fault(400, 1, reasonChunkSize)},
	{in: "5\nhello", err: fault(400, 1, reasonChunkSize)},
	{in: "5\r5", err: fault(400, 2, reasonChunkLine)},
	{in: "5\r\r\n", err: fault(400, 2, reasonChunkLine)},
	{in: "8000000000000000\r\n", err: fault(400, 15, reasonChunkRange)},
	{in: "ffffffffffffffff\r\n", err: fault(400, 15, reasonChunkRange)},
	{in: "10000000000000000\r\n", err: fault(400, 16, reasonChunkRange)},
	{in: "00000000000000000\r\n", err: fault(400, 16, reasonChunkRange)},
	{in: "5 \r\nhello", err: fault(400, 2, reasonChunkExt)},
	{in: "5 5\r\n", err: fault(400, 2, reasonChunkExt)},
	{in: "5;\r\n", err: fault(400, 2, reasonChunkExt)},
	{in: "5; \r\n", err: fault(400, 3, reasonChunkExt)},
	{in: "5;;a\r\n", err: fault(400, 2, reasonChunkExt)},
	{in: "5;a;\r\n", err: fault(400, 4, reasonChunkExt)},
	{in: "5;=a\r\n", err: fault(400, 2, reasonChunkExt)},
	{in: "5;a=\r\n", err: fault(400, 4, reasonChunkExt)},
	{in: "5;a=;b\r\n", err: fault(400, 4, reasonChunkExt)},
	{in: "5;a \r\n", err: fault(400, 4, reasonChunkExt)},
	{in: "5;a=b \r\n", err: fault(400, 6, reasonChunkExt)},
	{in: "5;a b\r\n", err: fault(400, 4, reasonChunkExt)},
	{in: "5;a=b=c\r\n", err: fault(400, 5, reasonChunkExt)},
	{in: "5;a\"b\"\r\n", err: fault(400, 3, reasonChunkExt)},
	{in: "5;a=b\"c\"\r\n", err: fault(400, 5, reasonChunkExt)},
	{in: "5;a=\"b\"c\r\n", err: fault(400, 7, reasonChunkExt)},
	{in: "5;a=\"b\r\n", err: fault(400, 6, reasonChunkExt)},
	{in: "5;a\nhello", err: fault(400, 3, reasonChunkExt)},
	{in: "5;a=\"\n\"\r\n", err: fault(400, 5, reasonChunkExt)},
	{in: "5;a=\"\\\n\"\r\n", err: fault(400, 6, reasonChunkExt)},
	{in: "5;a\x00\r\n", err: fault(400, 3, reasonChunkExt)},
	{in: "5;\xc3\xa4\r\n", err: fault(400, 2, reasonChunkExt)},
	{in: "5\r\nhelloX", body: "hello", err: fault(400, 8, reasonChunkData)},
	{in: "5\r\nhello\n", body: "hello", err: fault(400, 8, reasonChunkData)},
	{in: "5\r\nhello\rX", body: "hello", err: fault(400, 9, reasonChunkData)},
	{in: "5\r\nhello0\r\n\r\n", body: "hello", err: fault(400, 8, reasonChunkData)},
	{in: "3\r\nfoo\r\n\r\n", body: "foo", err: fault(400, 8, reasonChunkSize)},
	{in: "0\r\na b: c\r\n\r\n", err: fault(400, 4, reasonNameSpace)},
	{in: "0\r\na: b\nc: d\r\n\r\n", err: fault(400, 7, reasonBareLF)},
	{in: "0\r\na: b\r\n c\r\n\r\n", err: fault(400, 9, reasonFold)},
	{in: "0\r\na: b\r\n\rc", err: fault(400, 10, reasonLineEnd)},
	{in: "0\r\n\n", err: fault(400, 3, reasonBareLF)},
}

func TestChunked(t *testing.T) {
	for _, c := range chunkedBodies {
		got := decode(t, &Chunked{}, c.in, []int{len(c.in)}, 0)
		if got.body != c.body || got.done != c.done || got.err != c.err ||
			got.trailer != c.trailer {
			t.Errorf("%q: got %+v", c.in, got)
		}
		if rest := c.in[got.consumed:]; c.done && rest != c.rest {
			t.Errorf("%q: left over %q", c.in, rest)
		}
	}
}

func TestChunkedSplitInvariance(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for _, c := range chunkedBodies {
		want := decode(t, &Chunked{}, c.in, []int{len(c.in)}, 0)
		check := func(cuts []int, take int) {
			t.Helper()
			if got := decode(t, &Chunked{}, c.in, cuts, take); got != want {
				t.Errorf("%q cut at %v, %d at a time:\n got %+v\nwant %+v",
					c.in, cuts, take, got, want)
			}
		}
		check(each(c.in), 0)
		check([]int{len(c.in)}, 1)
		for cut := range len(c.in) {
			check([]int{cut, len(c.in)}, 0)
			check([]int{random.IntN(cut + 1), cut, len(c.in)}, 1+random.IntN(3))
		}
	}
}

func TestChunkedLimits(t *testing.T) {
	extension := func(n int) string { return "1;" + strings.Repeat("a", n-1) + "\r\nx\r\n" }
	trailer := func(n int) string { return "0\r\na:" + strings.Repeat("b", n-4) + "\r\n\r\n" }
	const end = "0\r\n\r\n"
	for _, c := range []struct {
		name     string
		c        Chunked
		at, over string
		err      message.Error
	}{
		{"default extension", Chunked{}, extension(4096) + end, extension(4097) + end,
			fault(400, 4097, reasonChunkExtLimit)},
		{"extension", Chunked{MaxExtension: 10}, extension(10) + end, extension(11) + end,
			fault(400, 11, reasonChunkExtLimit)},
		{"extensions of all chunks", Chunked{MaxExtension: 10}, extension(4) + extension(6) + end,
			extension(4) + extension(7) + end, fault(400, 17, reasonChunkExtLimit)},
		{"default trailer", Chunked{}, trailer(8192), trailer(8193),
			fault(431, 3+8192, message.ReasonFieldLimit)},
		{"trailer", Chunked{MaxTrailer: 10}, trailer(10), trailer(11),
			fault(431, 13, message.ReasonFieldLimit)},
		{"default count", Chunked{}, "0\r\n" + strings.Repeat("a:b\r\n", 64) + "\r\n",
			"0\r\n" + strings.Repeat("a:b\r\n", 65) + "\r\n",
			fault(431, 3+64*5, message.ReasonCountLimit)},
		{"count", Chunked{MaxTrailerCount: 1}, "0\r\na:b\r\n\r\n", "0\r\na:b\r\nc:d\r\n\r\n",
			fault(431, 8, message.ReasonCountLimit)},
	} {
		at, over, bytewise := c.c, c.c, c.c
		if got := decode(t, &at, c.at, []int{len(c.at)}, 0); !got.done {
			t.Errorf("%s, at the limit: %v", c.name, got.err)
		}
		if got := decode(t, &over, c.over, []int{len(c.over)}, 0); got.err != c.err {
			t.Errorf("%s, one over: %v, want %v", c.name, got.err, c.err)
		}
		if got := decode(t, &bytewise, c.over, each(c.over), 0); got.err != c.err {
			t.Errorf("%s, one over, byte by byte: %v, want %v", c.name, got.err, c.err)
		}
	}
}

// What is counted for one size begins anew with the next.
func TestManyChunks(t *testing.T) {
	in := strings.Repeat("0000000000000001\r\nx\r\n", 100) + LastChunk
	got := decode(t, &Chunked{}, in, []int{len(in)}, 0)
	if !got.done || got.body != strings.Repeat("x", 100) {
		t.Errorf("%d bytes, done %v, %v", len(got.body), got.done, got.err)
	}
}

// Data may be read past the decoder, straight to where it belongs.
func TestChunkedRemaining(t *testing.T) {
	var c Chunked
	if c.Remaining() != 0 {
		t.Errorf("%d bytes remain before the first size", c.Remaining())
	}
	skip, data, done, err := c.Next([]byte("ff;a=b\r\nxyz"))
	if skip != 8 || data != 3 || done || err.Status != 0 || c.Remaining() != 255 {
		t.Fatal(skip, data, done, err, c.Remaining())
	}
	c.Advance(0)
	c.Advance(3)
	c.Advance(252)
	if skip, data, done, err = c.Next([]byte("\r\n0\r\n\r\nmore")); skip != 7 || data != 0 ||
		!done || err.Status != 0 {
		t.Fatal(skip, data, done, err)
	}
	if skip, data, done, err = c.Next([]byte("more")); skip != 0 ||
		data != 0 || !done || err.Status != 0 {
		t.Error("after the end:", skip, data, done, err)
	}
	if _, _, done, _ = c.Next(nil); !done || c.Remaining() != 0 {
		t.Error("after the end, without bytes:", done, c.Remaining())
	}
}

func TestChunkedAdvanceTooFar(t *testing.T) {
	for _, n := range []int{-1, 6} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Advance(%d) in a chunk of 5 did not panic", n)
				}
			}()
			var c Chunked
			c.Next([]byte("5\r\n"))
			c.Advance(n)
		}()
	}
}

func TestChunkedIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Chunked{}); size > 64 {
		t.Errorf("Chunked has %d bytes: at most 64", size)
	}
}

func TestParseTrailer(t *testing.T) {
	section := "X-Sum: 1\r\nHost: h\r\nContent-Length: 5\r\ntransfer-encoding: chunked\r\n" +
		"Trailer: X-Sum\r\n" +
		"Authorization: a\r\nset-cookie: b\r\nExpect: nonsense\r\nX-Empty:\r\n" +
		"Server-Timing: total\r\n\r\n"
	fields, err := ParseTrailer([]byte(section), []message.Field{{Known: message.Via}})
	var got []string
	for _, f := range fields[1:] {
		got = append(got,
			string(f.Name.Of([]byte(section)))+"="+string(f.Value.Of([]byte(section))))
	}
	want := "X-Sum=1 X-Empty= Server-Timing=total"
	if strings.Join(got, " ") != want || err.Status != 0 || fields[0].Known != message.Via {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, broken := range []string{"", "a: b\r\n", "a b\r\n\r\n"} {
		if _, err := ParseTrailer([]byte(broken), nil); err.Status != 400 {
			t.Errorf("%q: %v", broken, err)
		}
	}
}
