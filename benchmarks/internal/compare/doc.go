// Package compare runs the Go benchmarks of two commits of a repository and compares them with
// benchstat.
//
//	c := compare.Comparison{
//		Repository: "..", Base: "HEAD~1", Head: "HEAD",
//		Bench: ".", Packages: []string{"./..."}, Count: 6,
//	}
//	err := c.Run(ctx, os.Stdout)
//
// Each commit is checked out into a working tree of its own in a temporary folder, so neither the
// branch nor the files that are being worked on are touched; both are removed at the end. The
// commits are run in turn, one round each, so that a machine which becomes slower meanwhile does so
// for both.
//
// benchstat is fetched in a fixed version by the go command, which needs its module proxy or cache
// once.
package compare
