// Attack tries to take a server down, and measures what that does to other clients.
//
//	go run ./attack slow          slow heads, bodies and readers, and ranges: golwan and nginx
//	go run ./attack flood         connections, pipelines, chunks and heads in masses
//	go run ./attack descriptors   idle connections until the server has no descriptor left
//
// During an attack a probe asks every 50 ms for a page, on a fresh connection and on one that it
// keeps. The tables say how many of its requests were answered, how long that took from when each
// was due, how much memory the server had before, at most, and a second after, and what CPU time it
// used. The command fails if golwan has left a probe without an answer, or has taken more memory
// than it may: an attack must be repelled, and not only survived.
//
// Slow attacks are those of slowhttptest, where it is installed, and then the same by clients of
// our own, which do more harm: they announce large bodies, stop in the middle of chunks, and come
// back when they are thrown out.
//
// Everything is on the loopback interface, is bounded in time and number, and ends by itself. With
// an attacker on the same CPUs, latencies say how fair the machine is as much as the server: look
// at what failed first.
package main
