package main

import (
	"slices"
	"strconv"
	"time"
)

// judge decides whether an exchange is what a case asks for.
type judge struct {
	// enough reports whether what was answered so far decides.
	enough func(c *rawCase, ex *exchange) bool
	// mayWait reports whether silence is right, so that it must be listened for.
	mayWait func(c *rawCase) bool
	right   func(c *rawCase, ex *exchange) bool
}

// framingFaults are the statuses that say that a message could not be understood, or its method or
// expectation not met.
var framingFaults = []int{400, 405, 408, 411, 413, 414, 417, 426, 431, 501, 505}

// notOurs are those of them that say nothing against the message itself.
var notOurs = []int{405, 417, 426, 501}

func faulty(status int) bool { return slices.Contains(framingFaults, status) }

func answered(_ *rawCase, ex *exchange) bool { return len(ex.answers) > 0 }

var lighttpdJudge = judge{
	enough:  answered,
	mayWait: func(c *rawCase) bool { return c.ExpectStatus < 0 },
	right: func(c *rawCase, ex *exchange) bool {
		status := ex.first()
		switch {
		case status == 0 && c.ExpectStatus < 0, status != 0 && c.ExpectStatus == status:
			return true
		case status != 0 && c.ExpectStatus == 0 && !faulty(status):
			return true
		}
		return slices.ContainsFunc(c.Accept, func(pattern string) bool {
			if pattern == "close" {
				return status == 0 && ex.end == endClosed
			}
			text := strconv.Itoa(status)
			return pattern == text || pattern[1:] == "xx" && pattern[0] == text[0]
		})
	},
}

var llhttpJudge = judge{
	enough: func(c *rawCase, ex *exchange) bool {
		switch c.Verdict {
		case "accept":
			return len(ex.answers) == c.Messages
		case "upgrade": // what follows is in a protocol that the echo server does not change to
			return len(ex.answers) == 1
		case "answer-then-close":
			return false
		}
		return faulty(ex.last())
	},
	mayWait: func(c *rawCase) bool { return c.Verdict == "incomplete" },
	right: func(c *rawCase, ex *exchange) bool {
		refused := faulty(ex.last()) || ex.last() == 0 && ex.end == endClosed
		switch c.Verdict {
		case "reject":
			return refused
		case "incomplete":
			return refused || len(ex.answers) < max(1, c.Messages) && ex.end == endSilent
		case "answer-then-close":
			return ex.end == endClosed && echoed(c, ex)
		}
		return len(ex.answers) == 1 && slices.Contains(notOurs, ex.first()) || echoed(c, ex)
	},
}

// echoed reports whether the messages were answered with their own bodies. That is more than the
// corpus asks for: a server that is out of step answers 200 as well.
func echoed(c *rawCase, ex *exchange) bool {
	want := c.Messages
	if c.Verdict == "upgrade" {
		want = 1
	}
	for i, a := range ex.answers {
		if i >= len(c.Bodies) || a.status != 200 || a.body != c.Bodies[i] && c.method(i) != "HEAD" {
			return false
		}
	}
	return len(ex.answers) == want
}

var h1specJudge = judge{
	enough:  answered,
	mayWait: func(c *rawCase) bool { return slices.Contains(c.ExpectRanges, [2]int{-1, -1}) },
	right: func(c *rawCase, ex *exchange) bool {
		status := ex.first()
		if status == 0 {
			status = -1
		}
		in := slices.ContainsFunc(c.ExpectRanges, func(r [2]int) bool {
			return r[0] <= status && status <= r[1]
		})
		return in && (c.ExpectBody == "" || status != 200 || ex.answers[0].body == c.ExpectBody)
	},
}

// patience is how long to wait for an answer. Where one must come it is long and is not used up;
// where silence is expected it has to be sat out, and a server that is too slow to say something
// wrong in that time passes.
func (j *judge) patience(c *rawCase, listed bool) time.Duration {
	if listed || j.mayWait(c) {
		return time.Second / 2
	}
	return 30 * time.Second
}
