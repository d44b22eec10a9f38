// Package target has the figures that golwan is to reach, most of them as ratios to other servers
// in the same rounds, and judges results by them.
//
//	plan := rounds.Plan{Cases: target.Cases(), ...}
//	for _, o := range target.Judge(plan.Run(ctx).Records) {
//		fmt.Println(o.Target.Name, o.Value, o.Verdict)
//	}
//
// A ratio is that of the medians of all rounds. Its range is that of the ratios of the single
// rounds, in each of which both contenders had their turn shortly after each other.
//
// Everything is constant and may be used from any goroutine; what is returned belongs to the
// caller.
//
// # Not a goal
//
// Targets are for the machine and the kernel that they were set on. Ratios carry over to others
// more or less; memory does, and CPU times do not.
package target
