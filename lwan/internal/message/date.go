package message

import "time"

const (
	firstDate = -62167219200 // 0000-01-01T00:00:00Z
	lastDate  = 253402300799 // 9999-12-31T23:59:59Z
)

// AppendDate appends a date in the one format to send (RFC 9110 section 5.6.7), IMF-fixdate:
// "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes. The format has four digits for the year, so that times
// outside the years 0 to 9999 are written as the first or last second in them.
func AppendDate(dst []byte, unix int64) []byte {
	at := time.Unix(min(max(unix, firstDate), lastDate), 0).UTC()
	return at.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
}
