package message

import "testing"

// What is on the way of every request allocates nothing.
func TestNoAllocation(t *testing.T) {
	path, out := []byte("/a/b%20c/../d//e"), make([]byte, 0, 1024)
	b, h := Builder{}, Head{Fields: make([]Field, 0, 8)}
	for _, c := range []struct {
		name string
		run  func() bool
	}{
		{"CleanPath", func() bool {
			cleaned, _, err := CleanPath(out[:0], path)
			return err.Status == 0 && len(cleaned) > 0
		}},
		{"Builder", func() bool {
			b.Begin(&h, out, nil)
			ok := b.Line("GET", "/a?b", 1).Status == 0 && b.Add("Host", "h").Status == 0 &&
				b.Add("Connection", "close").Status == 0 && b.Add("X-Own", "1").Status == 0
			_, err := b.End()
			return ok && err.Status == 0
		}},
		{"AppendDate", func() bool { return len(AppendDate(out[:0], 784111777)) > 0 }},
	} {
		failed := false
		n := testing.AllocsPerRun(100, func() { failed = failed || !c.run() })
		if n != 0 || failed {
			t.Errorf("%s: %v allocations, failed is %v", c.name, n, failed)
		}
	}
}
