package message

import "testing"

func TestAppendDate(t *testing.T) {
	for _, c := range []struct {
		unix int64
		want string
	}{
		{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		{-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
		{lastDate, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{lastDate + 1, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{1<<63 - 1, "Fri, 31 Dec 9999 23:59:59 GMT"},
		{firstDate, "Sat, 01 Jan 0000 00:00:00 GMT"},
		{firstDate - 1, "Sat, 01 Jan 0000 00:00:00 GMT"},
		{-1 << 63, "Sat, 01 Jan 0000 00:00:00 GMT"},
	} {
		if got := string(AppendDate([]byte("x"), c.unix)); got != "x"+c.want {
			t.Errorf("%d: %q, want %q", c.unix, got[1:], c.want)
		}
	}
}
