package http1

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/message"
)

// What a head means must not depend on how it was cut on its way. The heads of all tables are used,
// whole and broken.
func splitSamples() (samples []string) {
	for _, c := range goodLines {
		samples = append(samples, c.line+"\r\nHost: h\r\n\r\nmore")
	}
	for _, c := range badLines {
		samples = append(samples, c.line+"\r\nHost: h\r\n\r\n")
	}
	for _, c := range goodFields {
		samples = append(samples, c.line+c.fields+"\r\n")
	}
	for _, c := range badFields {
		samples = append(samples, c.before+c.fields+"\r\n\r\n")
	}
	for k := message.Host; k.String() != ""; k++ {
		in, _ := repeatedHead(k)
		samples = append(samples, in)
	}
	return append(samples, wrkRequest, curlRequest, chromeRequest,
		get+strings.Repeat("a", 200)+": "+strings.Repeat("b", 200)+"\r\n\r\n",
		"GET /"+strings.Repeat("a", 300)+" HTTP/1.1\r\n", strings.Repeat("M", 300),
		"GET /?"+strings.Repeat("\x80", 300), get+strings.Repeat("a: b\r\n", 60))
}

// splitLimits are tight enough for some of the samples to run into them at every place that there
// is.
var splitLimits = []*message.Limits{nil, {Line: 1, Fields: 1, Count: 1}, {Line: 13}, {Line: 14},
	{Line: 15}, {Line: 20}, {Fields: 9}, {Fields: 10}, {Fields: 30}, {Fields: 31}, {Fields: 40},
	{Count: 1}, {Count: 2}, {Line: 64, Fields: 64, Count: 50}}

// outcome is all that a caller can see of a verdict.
type outcome struct {
	verdict Verdict
	err     message.Error
	head    string
	fields  []message.Field
	size    int
}

func (o *outcome) equal(p *outcome) bool {
	return o.verdict == p.verdict && o.err == p.err && o.head == p.head && o.size == p.size &&
		slices.Equal(o.fields, p.fields)
}

// arrive gives in to Parse in pieces that end at cuts, the last of which is len(in), until there is
// a verdict.
func arrive(t *testing.T, in string, lim *message.Limits, cuts []int) *outcome {
	t.Helper()
	var r Resume
	h := message.Head{Fields: make([]message.Field, 0, 8)}
	for _, cut := range cuts {
		buf := []byte(in[:cut])
		verdict, err := Parse(buf, &h, lim, &r)
		switch verdict {
		case Done:
			if r != (Resume{}) {
				t.Fatalf("%q: Resume after Done: %+v", in, r)
			}
			return &outcome{verdict, err, summary(&h, in), h.Fields, h.Size}
		case Bad:
			if r != (Resume{}) {
				t.Fatalf("%q: Resume after Bad: %+v", in, r)
			}
			return &outcome{verdict: verdict, err: err}
		}
	}
	return &outcome{}
}

// each is the cuts after every single byte.
func each(in string) (cuts []int) {
	for i := range len(in) {
		cuts = append(cuts, i+1)
	}
	return cuts
}

func TestSplitInvariance(t *testing.T) {
	for _, in := range splitSamples() {
		for _, lim := range splitLimits {
			want := arrive(t, in, lim, []int{len(in)})
			check := func(cuts []int) {
				t.Helper()
				if got := arrive(t, in, lim, cuts); !got.equal(want) {
					t.Errorf("%q with %+v, cut at %v:\n got %+v\nwant %+v",
						in, lim, cuts, got, want)
				}
			}
			check(each(in))
			for cut := range len(in) {
				check([]int{cut, len(in)})
			}
		}
	}
}

// A fault is told by the first prefix that shows it: Parse says More to every prefix before that,
// and the same Error to every one after it, however much of the rest has come.
func TestFaultIsToldAtOnce(t *testing.T) {
	for _, in := range splitSamples() {
		for _, lim := range splitLimits {
			final, at := arrive(t, in, lim, []int{len(in)}), len(in)+1
			for n := range len(in) + 1 {
				got := arrive(t, in, lim, []int{n})
				switch {
				case got.verdict != More && at > n:
					at = n
				case got.verdict == More && at < n:
					t.Errorf("%q with %+v: a verdict on %d bytes, none on %d", in, lim, at, n)
				}
				if got.verdict != More && !got.equal(final) {
					t.Errorf("%q with %+v: %+v on %d bytes, %+v in the end", in, lim, got, n, final)
				}
			}
			if final.verdict == Bad && final.err.Offset > at {
				t.Errorf("%q with %+v: fault at %d told at byte %d", in, lim, final.err.Offset, at)
			}
		}
	}
}

func TestRandomCuts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, in := range splitSamples() {
		want := arrive(t, in, nil, []int{len(in)})
		for range 20 {
			var cuts []int
			for at := 0; at < len(in); {
				at = min(at+1+random.IntN(1+random.IntN(30)), len(in))
				cuts = append(cuts, at)
			}
			if got := arrive(t, in, nil, cuts); !got.equal(want) {
				t.Errorf("%q, cut at %v:\n got %+v\nwant %+v", in, cuts, got, want)
			}
		}
	}
}

// The cost of a head that comes byte by byte is linear: what has been looked at is not looked at
// again before the end. So it may be anything until then.
func TestResumeDoesNotLookBack(t *testing.T) {
	in := get + "X-Long-Name-Of-A-Field: a value that is cut many times\r\nAnother: value\r\n" +
		"Host: h\r\n\r\n"
	buf := []byte(in)
	var h message.Head
	var r Resume
	for n := 1; n < len(in); n++ {
		if verdict, err := Parse(buf[:n], &h, nil, &r); verdict != More {
			t.Fatalf("%d bytes: %d %v", n, verdict, err)
		}
		if int(r.pos)+1 < n {
			t.Fatalf("%d bytes are there, and it goes on at %d", n, r.pos)
		}
		if keep := strings.LastIndexByte(in[:n], '\n') + 1; keep < len(in)-len("Host: h\r\n\r\n") {
			for i := range keep {
				buf[i] = 0
			}
		}
	}
	copy(buf, in)
	if verdict, err := Parse(buf, &h, nil, &r); verdict != Done || h.Size != len(in) {
		t.Fatal(verdict, err)
	}
}

func TestResumeIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Resume{}); size > 24 {
		t.Errorf("Resume has %d bytes, one is kept for each slow client: at most 24", size)
	}
}
