package lwan

import (
	"errors"
	"maps"
	"testing"
)

func TestChecks(t *testing.T) {
	var c Checks
	c.That("a", true, "is never wrong")
	if err := c.Err(); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
	c.That("b", false, "is wrong")
	c.That("b", false, "is wrong once more")
	c.That("b", true, "is right")
	c.That("c", false, "is wrong, too")
	e, ok := errors.AsType[*Error](c.Err())
	want := map[string]string{"b": "is wrong", "c": "is wrong, too"}
	if !ok || e.Status != 422 || !maps.Equal(e.Fields, want) {
		t.Errorf("%#v", e)
	}
}
