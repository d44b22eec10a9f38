// Package tlslayer is TLS as a codec: ciphertext in, plaintext out, and the other way round,
// without a socket and without waiting. It is what an event loop needs, which has the bytes already
// and must never be held up.
//
//	layer, err := tlslayer.Server(over, hello, config) // the calls of over may wait
//	n, err := layer.Open(p, ciphertext)                // from here on nothing waits
//	out, err = layer.Seal(out, answer)
//	out = layer.Close(out)
//
// The protocol itself is crypto/tls's, from the first byte to the last: a connection never leaves
// it. That works because crypto/tls takes up its work again where a Read of the connection below
// has returned a temporary error, with the half of a record that it has by then; and because its
// Write gives whole records to that connection.
//
// # Lifetimes
//
// Open and Seal keep nothing of what they are given; but what a full p leaves over is copied and
// kept, see Pending.
//
// # Concurrency
//
// A Layer belongs to one goroutine, or to one loop. After Release any goroutine may use what that
// has returned, as any other net.Conn.
//
// # Memory
//
// A TLS 1.3 connection at rest is about 7 KiB of heap, nearly all of it crypto/tls's. Its read
// buffer is made for the largest record that came, of 18 KiB at once or of 32 KiB where records
// grew by and by, and crypto/tls has no way to give it back.
package tlslayer
