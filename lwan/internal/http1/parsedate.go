package http1

import "time"

// ParseDate reads a date in any of the three formats that a recipient must take (RFC 9110 section 5.6.7):
//
//	Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT   RFC 850
//	Sun Nov  6 08:49:37 1994         asctime
//
// The format is followed to the letter, case included; only whether the day of the week is the right one is not asked. A
// leap second (23:59:60) is the second after it. unix is in seconds; ok is false if b is no date.
func ParseDate(b []byte) (unix int64, ok bool) {
	if len(b) < len("Sun Nov  6 08:49:37 1994") {
		return 0, false
	}
	switch b[3] {
	case ',':
		return parseFixdate(b)
	case ' ':
		return parseAsctime(b)
	}
	return parse850(b, time.Now().Unix())
}

func parseFixdate(b []byte) (int64, bool) {
	r := dateReader{b: b}
	r.weekday()
	r.literal(", ")
	r.day = r.number(2)
	r.literal(" ")
	r.readMonth()
	r.literal(" ")
	r.year = r.number(4)
	r.literal(" ")
	r.clock()
	r.literal(" GMT")
	return r.unix()
}

// parse850 reads a year of two digits: a date more than 50 years after now is meant to be one of the century before.
func parse850(b []byte, now int64) (int64, bool) {
	r := dateReader{b: b}
	r.longWeekday()
	r.literal(", ")
	r.day = r.number(2)
	r.literal("-")
	r.readMonth()
	r.literal("-")
	twoDigits := r.number(2)
	r.literal(" ")
	r.clock()
	r.literal(" GMT")

	days, second := floorDiv(now, secondsPerDay)
	year, month, day := civil(days)
	limit := daysBefore(year+50, month, day)*secondsPerDay + second
	r.year = year - year%100 + twoDigits
	if unix, _ := r.unix(); unix > limit {
		r.year -= 100
	}
	return r.unix()
}

func parseAsctime(b []byte) (int64, bool) {
	r := dateReader{b: b}
	r.weekday()
	r.literal(" ")
	r.readMonth()
	r.literal(" ")
	if b[8] == ' ' {
		r.literal(" ")
		r.day = r.number(1)
	} else {
		r.day = r.number(2)
	}
	r.literal(" ")
	r.clock()
	r.literal(" ")
	r.year = r.number(4)
	return r.unix()
}

// dateReader takes a date apart from the left. Once something does not fit, bad stays true and the rest does not matter.
type dateReader struct {
	b                        []byte
	bad                      bool
	year, month, day, second int64
}

func (r *dateReader) take(n int) []byte {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *dateReader) literal(s string) {
	r.bad = r.bad || string(r.take(len(s))) != s
}

func (r *dateReader) number(digits int) int64 {
	n := int64(0)
	for _, c := range r.take(digits) {
		r.bad = r.bad || c-'0' > 9
		n = n*10 + int64(c-'0')
	}
	return n
}

// indexOf3 is the place of name in a string of names of three letters, -1 if it is none of them.
func indexOf3(names string, name []byte) int {
	for i := 0; len(name) == 3 && i < len(names); i += 3 {
		if names[i:i+3] == string(name) {
			return i / 3
		}
	}
	return -1
}

func (r *dateReader) weekday() {
	r.bad = r.bad || indexOf3(dayNames, r.take(3)) < 0
}

func (r *dateReader) longWeekday() {
	n := 0
	for n < len(r.b) && r.b[n] != ',' {
		n++
	}
	switch string(r.take(n)) {
	case "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday":
	default:
		r.bad = true
	}
}

func (r *dateReader) readMonth() {
	i := indexOf3(monthNames, r.take(3))
	r.bad = r.bad || i < 0
	r.month = int64(i) + 1
}

// clock reads hh:mm:ss.
func (r *dateReader) clock() {
	hour := r.number(2)
	r.literal(":")
	minute := r.number(2)
	r.literal(":")
	second := r.number(2)
	leap := hour == 23 && minute == 59 && second == 60
	r.bad = r.bad || hour > 23 || minute > 59 || second > 59 && !leap
	r.second = hour*3600 + minute*60 + second
}

// unix is the end: nothing may be left over, and the day must be one that the month has.
func (r *dateReader) unix() (int64, bool) {
	if r.bad || len(r.b) > 0 {
		return 0, false
	}
	days := daysBefore(r.year, r.month, r.day)
	if _, month, _ := civil(days); month != r.month || r.day < 1 {
		return 0, false
	}
	return days*secondsPerDay + r.second, true
}
