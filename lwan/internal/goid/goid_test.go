package goid

import "testing"

func TestCurrent(t *testing.T) {
	mine := Current()
	if mine == 0 || mine != Current() {
		t.Fatalf("%d, then %d", mine, Current())
	}
	other := make(chan uint64)
	go func() { other <- Current() }()
	if n := <-other; n == 0 || n == mine {
		t.Errorf("this goroutine is %d, another one %d", mine, n)
	}
}
