package files

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// byteRange is a part of a content: n bytes from off on, n > 0.
type byteRange struct{ off, n int64 }

func (r byteRange) end() int64 { return r.off + r.n }

// contentRange is the value of the field of that name (RFC 9110 section 14.4).
func (r byteRange) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.off, r.end()-1, size)
}

// rangeOutcome says what becomes of a Range field.
type rangeOutcome uint8

const (
	// it is malformed, of another unit, or asks for too much: the whole content is sent
	rangeIgnored       rangeOutcome = iota
	rangeSatisfiable                // 206
	rangeUnsatisfiable              // 416
)

// blanks is what optional whitespace is made of (RFC 9110 section 5.6.3).
const blanks = " \t"

// isBytes tells the one range unit that there is, in any case. The length leaves out what folds to
// an ASCII letter and is none.
func isBytes(unit []byte) bool {
	return len(unit) == len("bytes") && bytes.EqualFold(unit, []byte("bytes"))
}

// parseRange reads the value of a Range field (RFC 9110 section 14.2) for a content of some size.
// It returns at most limit ranges, which do not overlap: ranges that do are joined, and then all
// are in ascending order.
func parseRange(value []byte, size int64, limit int) ([]byteRange, rangeOutcome) {
	unit, list, ok := bytes.Cut(value, []byte{'='})
	// Empty content has no ranges; still, a client that puts a Range into all its requests should
	// get it.
	if !ok || !isBytes(unit) || size == 0 {
		return nil, rangeIgnored
	}
	var ranges []byteRange
	specs := 0
	for spec := range bytes.SplitSeq(list, []byte{','}) {
		if spec = bytes.Trim(spec, blanks); len(spec) == 0 { // RFC 9110 section 5.6.1.2
			continue
		}
		if specs++; specs > limit {
			return nil, rangeIgnored
		}
		r, ok := parseSpec(spec, size)
		if !ok {
			return nil, rangeIgnored
		}
		if r.n > 0 {
			ranges = append(ranges, r)
		}
	}
	switch {
	case specs == 0:
		return nil, rangeIgnored
	case len(ranges) == 0:
		return nil, rangeUnsatisfiable
	}
	return join(ranges), rangeSatisfiable
}

// parseSpec reads "first-last", "first-" or "-suffix". r.n is 0 if there is nothing there.
func parseSpec(spec []byte, size int64) (r byteRange, ok bool) {
	first, last, ok := bytes.Cut(spec, []byte{'-'})
	if !ok {
		return r, false
	}
	from, hasFirst := digits(first)
	to, hasLast := digits(last)
	switch {
	case !hasFirst && (len(first) > 0 || !hasLast), !hasLast && len(last) > 0:
		return r, false
	case !hasFirst: // the last bytes, all of them if there are fewer
		n := min(to, size)
		return byteRange{size - n, n}, true
	case !hasLast:
		to = size - 1
	case less(last, first):
		return r, false
	}
	if from >= size {
		return r, true
	}
	return byteRange{from, min(to, size-1) - from + 1}, true
}

// less compares numbers of any size: two that are too large are the same to digits.
func less(a, b []byte) bool {
	a, b = bytes.TrimLeft(a, "0"), bytes.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}

// digits reads a number; one that is too large is the largest one. The field says nothing of a
// limit.
func digits(b []byte) (n int64, ok bool) {
	const most = 1<<63 - 1
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (most-9)/10 {
			n = most
			continue
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}

// join joins ranges that overlap, so that a client cannot have the same bytes sent twice (RFC 9110
// section 14.2). If none do, they stay in the order of the request.
func join(ranges []byteRange) []byteRange {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b byteRange) int { return cmp.Compare(a.off, b.off) })
	joined := sorted[:1]
	for _, r := range sorted[1:] {
		last := &joined[len(joined)-1]
		if r.off >= last.end() {
			joined = append(joined, r)
			continue
		}
		last.n = max(last.end(), r.end()) - last.off
	}
	if len(joined) == len(ranges) {
		return ranges
	}
	return joined
}
