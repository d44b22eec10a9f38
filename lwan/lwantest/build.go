package lwantest

import (
	"testing"

	"github.com/golwan/golwan/lwan"
)

// Build is srv.Build for a test: what is wrong with the routes or modules fails it, and at its end
// the modules are closed and what Go runs is waited for. The handler is for Do, as often as the
// test likes.
func Build(t testing.TB, srv *lwan.Server) lwan.Handler {
	t.Helper()
	h, err := srv.Build()
	if err != nil {
		t.Fatalf("lwantest: %v", err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("lwantest: closing the server: %v", err)
		}
	})
	return h
}
