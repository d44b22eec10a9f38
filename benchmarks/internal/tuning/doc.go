// Package tuning measures what the settings are worth that a user of golwan could change, each
// against its default.
//
//	// with an Entry for each of tuning.Contenders()
//	plan := rounds.Plan{Cases: tuning.Cases(), ...}
//	results := plan.Run(ctx)
//	for _, s := range tuning.All() {
//		fmt.Println(s.Name, s.Cases, s.Variants)
//	}
//
// A variant is the contender golwan with a flag. The default takes part as golwan itself.
//
// Everything is constant and may be used from any goroutine; what is returned belongs to the
// caller.
package tuning
