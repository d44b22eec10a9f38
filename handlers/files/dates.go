package files

import (
	"net/http"
	"time"
)

// dates are what is known of the time of a content.
type dates struct {
	modified     string // as Last-Modified has it; "": not known
	seconds      int64  // the same, since 1970
	dateIsStrong bool   // no other content had this second (RFC 9110 section 8.8.2.2)
}

// datesOf makes the dates of a content that was modified at some time, in ns, and was found to be
// so now. A time in the future is replaced by now (RFC 9110 section 8.8.2.1).
func datesOf(modified int64, now time.Time) dates {
	if modified == 0 {
		return dates{}
	}
	t := time.Unix(0, modified)
	if t.After(now) {
		t = now
	}
	return dates{
		modified:     t.UTC().Format(http.TimeFormat),
		seconds:      t.Unix(),
		dateIsStrong: now.Unix() > t.Unix(),
	}
}
