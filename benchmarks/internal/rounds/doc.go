// Package rounds runs cases and contenders in turn and keeps what came of it.
//
//	plan := rounds.Plan{
//		Cases: cases, Entries: entries, Rounds: 5, Bed: bed, Trace: true, Log: os.Stderr,
//	}
//	results := plan.Run(ctx)
//
// In each round of a case every contender has its turn, on a fresh server, while no other server
// runs. A machine that becomes slower or faster meanwhile (other work, heat, a neighbour on the
// same host) then does so for all of them; and the round after begins with the next contender, so
// that none always comes after the same one.
//
// A contender that does not give the right answers, or whose server fails, is left out of the rest
// of that case, with a note. A plan whose context is over ends soon and returns what it has.
package rounds
