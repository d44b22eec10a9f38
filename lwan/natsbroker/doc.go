// Package natsbroker carries the topics of lwan.Topics over many machines, and over restarts, with
// NATS JetStream. It is a module of its own.
//
//	conn, err := natsbroker.Connect("nats://localhost:4222")
//	...
//	broker, err := natsbroker.New(ctx, natsbroker.Config{Conn: conn})
//	...
//	topics := &lwan.Topics{Broker: broker}
//
// All events of all topics are in one stream of JetStream, and each topic is a subject of it. An
// event's ID is its number in the stream, behind a part that is that of the stream: a browser that
// comes back with its Last-Event-ID, to whatever process, is sent what it has missed. An event that
// was published with an ID keeps that one.
//
// # What it promises
//
// An event for which Topic.Send has returned no error is in the stream. Each process gets it once,
// in the order of the stream, as long as the stream keeps it; where a process cannot know whether
// something was removed before it got it, it delivers a Gap, so its subscribers are sent
// Subscription.Gap, and so is whoever comes back with an ID from before.
//
// While NATS cannot be reached, Topic.Send fails at once (nats.ErrDisconnected). One that fails
// while it waits for the answer of NATS may be in the stream or not: who sends it again may send it
// twice. Subscribers just get nothing new; when NATS is back they get what is new there.
//
// # What runs where
//
// Publish waits for NATS, and Subscribe, which Topics.Get calls for a name that is new, until what
// is kept has been read: for Config.Timeout at most. Both are for Blocking handlers and Await. A
// topic that is in use has a goroutine and, in NATS, an ephemeral consumer. Both end when Topics
// forgets the topic, or with Close. The connection is the program's, and is closed after Close.
//
// # Limits
//
// How many events are kept is the stream's affair: Config says it for one that is made by New, one
// that is there already stays as it is. It has to keep at least as many of a topic as Topic.Replay,
// and everything for longer than it takes to be delivered (10 s), whatever else limits it. The name
// of a topic may have up to 255 bytes.
package natsbroker
