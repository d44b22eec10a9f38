//go:build lwandebug

package remains

// Of overwrites b.
func Of(b []byte) {
	for n := 0; n < len(b); {
		n += copy(b[n:], Text)
	}
}
