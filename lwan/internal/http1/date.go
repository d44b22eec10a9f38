package http1

// Dates of HTTP (RFC 9110 section 5.6.7), to and from seconds since 1970-01-01T00:00:00Z, without a time.Time and without
// allocation.

const (
	secondsPerDay = 24 * 60 * 60
	firstDate     = -62167219200 // 0000-01-01T00:00:00Z
	lastDate      = 253402300799 // 9999-12-31T23:59:59Z

	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// AppendDate appends a date in the one format to send, IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes. The format has
// four digits for the year, so that times outside the years 0 to 9999 are written as the first or last second in them.
func AppendDate(dst []byte, unix int64) []byte {
	unix = min(max(unix, firstDate), lastDate)
	days, second := floorDiv(unix, secondsPerDay)
	year, month, day := civil(days)
	_, weekday := floorDiv(days+4, 7) // 1970-01-01 was a Thursday
	return append(dst,
		dayNames[weekday*3], dayNames[weekday*3+1], dayNames[weekday*3+2], ',', ' ',
		digit(day/10), digit(day), ' ',
		monthNames[month*3-3], monthNames[month*3-2], monthNames[month*3-1], ' ',
		digit(year/1000), digit(year/100), digit(year/10), digit(year), ' ',
		digit(second/36000), digit(second/3600), ':',
		digit(second/600%6), digit(second/60), ':',
		digit(second%60/10), digit(second), ' ', 'G', 'M', 'T')
}

func digit(n int64) byte { return byte('0' + n%10) }

// civil turns days since 1970-01-01 into a date of the Gregorian calendar. It counts in years that begin in March, so that
// the leap day is the last of its year, and in eras of 400 years, which all have the same number of days.
func civil(days int64) (year, month, day int64) {
	era, ofEra := floorDiv(days+marchOffset, daysPerEra)
	ofYear := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/(daysPerEra-1)) / 365
	dayOfYear := ofEra - (365*ofYear + ofYear/4 - ofYear/100)
	fromMarch := (5*dayOfYear + 2) / 153
	year, month, day = era*400+ofYear, fromMarch+3, dayOfYear-(153*fromMarch+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// daysBefore is the inverse of civil.
func daysBefore(year, month, day int64) int64 {
	if month -= 3; month < 0 {
		year, month = year-1, month+12
	}
	era, ofYear := floorDiv(year, 400)
	return era*daysPerEra + ofYear*365 + ofYear/4 - ofYear/100 + (153*month+2)/5 + day - 1 - marchOffset
}

const (
	daysPerEra  = 146097
	marchOffset = 719468 // days from 0000-03-01 to 1970-01-01
)

// floorDiv divides towards minus infinity, so that the remainder is never negative.
func floorDiv(a, b int64) (quotient, remainder int64) {
	quotient, remainder = a/b, a%b
	if remainder < 0 {
		return quotient - 1, remainder + b
	}
	return quotient, remainder
}
