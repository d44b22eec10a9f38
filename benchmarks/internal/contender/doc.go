// Package contender knows the servers that are compared: how each is built or found, configured,
// started, checked and ended.
//
//	c, _ := contender.Find("nginx")
//	program, err := c.Prepare(ctx, "bin")
//	if errors.Is(err, contender.ErrMissing) { ... } // not installed here: left out
//	server, err := program.Start(ctx, contender.Setup{CPU: 0})
//	if err != nil { ... }
//	defer server.Stop()
//	size, err := server.Check(contract.Requests(contract.Hello), false)
//
// # Adding one
//
// A Go contender is a program in the folder contenders that takes -addr, and a line in All. Any
// other is a function like nginx's, which writes a configuration and returns a command. One that is
// built elsewhere needs neither: see External.
//
// # Lifetimes
//
// A Server runs until Stop, which also removes its temporary folder. A Program may start any number
// of servers, also at the same time, each on a port of its own.
package contender
