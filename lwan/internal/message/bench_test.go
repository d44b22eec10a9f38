package message

import "testing"

func BenchmarkCleanPath(b *testing.B) {
	for _, c := range []struct{ name, path string }{
		{"escape", "/articles/2026/a%20page.html"}, {"dots", "/a//b/./c/../d"},
	} {
		b.Run(c.name, func(b *testing.B) {
			dst := make([]byte, 0, 64)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := CleanPath(dst, []byte(c.path)); err.Status != 0 {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendDate(b *testing.B) {
	out := make([]byte, 0, 32)
	unix := int64(784111777)
	for b.Loop() {
		AppendDate(out, unix)
		unix++
	}
}
