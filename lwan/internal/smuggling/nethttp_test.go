//go:build linux && golwan_nethttp

package smuggling_test

import "testing"

// TestSmuggling: what a server sees that runs on net/http is what net/http sees.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	srv, seen := probedServer()
	sameAsHTTP(t, serve(t, srv), seen)
}
