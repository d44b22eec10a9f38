package lwantest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Socket is the client's end of a WebSocket to a handler in memory. Its methods may be called from
// several goroutines at the same time.
type Socket struct {
	Subprotocol string // that was agreed on; "": none

	t       testing.TB
	call    *call
	conn    net.Conn
	ctx     context.Context // of the request
	left    context.CancelFunc
	sending sync.Mutex // held while a frame is written

	answering sync.WaitGroup // pongs

	mu    sync.Mutex
	news  sync.Cond // of mu: something has come
	come  []socketMessage
	ended error // behind what has come; nil: more may come
}

type socketMessage struct {
	kind lwan.MessageKind
	text string
}

// WebSocket opens a WebSocket to h in memory, over a net.Pipe, as Do makes a request: it works in a
// bubble of testing/synctest, where pings and time limits use the bubble's clock. r is the request;
// what it lacks of a handshake is added. What the handler sends is read at once, so it never waits
// for the test; pings are answered.
//
// The test fails at once if the handshake is refused (Do shows how), and at its end if the handler
// does not return 10 s after the client has left, or leaves goroutines behind.
func WebSocket(t testing.TB, h lwan.Handler, r *http.Request) *Socket {
	t.Helper()
	client, server := net.Pipe()
	ctx, left := context.WithCancel(r.Context())
	rec := &hijackable{recorder: newRecorder(r.Method), conn: server}
	s := &Socket{t: t, conn: client, ctx: ctx, left: left}
	s.call = &call{family: familyOf(t), rec: rec.recorder, ended: make(chan struct{})}
	s.news.L = &s.mu
	r = r.Clone(ctx)
	r.Body = http.NoBody
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-Websocket-Version": wsframe.Version, "Sec-Websocket-Key": socketKey,
	} {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, value)
		}
	}
	go func() {
		s.call.runOn(rec, lwan.ToHTTP(h), r)
		_ = server.Close() // of a handshake that was refused, too
	}()
	t.Cleanup(s.end)
	in := bufio.NewReader(client)
	answer, err := http.ReadResponse(in, r)
	if err != nil {
		<-s.call.ended
		t.Fatalf("lwantest: the handshake was answered with %d: %s", rec.status, &rec.body)
	}
	if got := answer.Header.Get("Sec-WebSocket-Accept"); got != wsframe.Accept(socketKey) {
		t.Fatalf("lwantest: Sec-WebSocket-Accept is %q", got)
	}
	rec.status, rec.sent = answer.StatusCode, answer.Header
	s.Subprotocol = answer.Header.Get("Sec-WebSocket-Protocol")
	go s.pump(in)
	return s
}

const socketKey = "dGhlIHNhbXBsZSBub25jZQ=="

// hijackable is a recorder of a request whose connection can be taken.
type hijackable struct {
	*recorder
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

// pump reads what the handler sends, until the end.
func (s *Socket) pump(in io.Reader) {
	r := wsframe.Reader{FromServer: true}
	buf, pos, end := make([]byte, 4096), 0, 0
	for {
		m, n, err := r.Next(buf[pos:end])
		pos += n
		switch {
		case err != nil:
			s.over(fmt.Errorf("lwantest: the handler's side breaks a rule: %w", err))
			return
		case m.Op == 0:
			end = copy(buf, buf[pos:end])
			pos = 0
			n, err := in.Read(buf[end:])
			if end += n; n == 0 && err != nil {
				s.over(lwan.ErrGone)
				return
			}
		case m.Op == wsframe.Ping:
			// In a goroutine, as the handler may wait until what it sends behind it is read.
			// An error is found by the next read.
			payload := bytes.Clone(m.Payload)
			s.answering.Go(func() { _ = s.write(wsframe.Pong, payload) })
		case m.Op == wsframe.Close:
			code, reason, _ := wsframe.ParseClose(m.Payload) // the Reader has looked at it
			_ = s.write(wsframe.Close, m.Payload)            // the handler may have gone
			s.over(&lwan.CloseError{Code: code, Reason: string(reason)})
			_ = s.conn.Close() // always nil
			return
		case !m.Op.IsControl():
			s.mu.Lock()
			kind := lwan.MessageKind(m.Op)
			s.come = append(s.come, socketMessage{kind, string(m.Payload)})
			s.mu.Unlock()
			s.news.Broadcast()
		}
	}
}

func (s *Socket) over(why error) {
	s.mu.Lock()
	s.ended = why
	s.mu.Unlock()
	s.news.Broadcast()
}

// Receive waits for the handler's next message. The end is a *lwan.CloseError, or ErrGone if the
// connection ended without a close frame.
func (s *Socket) Receive() (kind lwan.MessageKind, msg string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.come) == 0 {
		if s.ended != nil {
			return 0, "", s.ended
		}
		s.news.Wait()
	}
	m := s.come[0]
	s.come = s.come[1:]
	return m.kind, m.text, nil
}

// Send sends a message, and waits until the handler's side has read it.
func (s *Socket) Send(kind lwan.MessageKind, msg string) error {
	return s.write(wsframe.Opcode(kind), []byte(msg))
}

// SendText is Send for a text message.
func (s *Socket) SendText(msg string) error { return s.Send(lwan.TextMessage, msg) }

// Close sends a close frame. The answer is what Receive ends with.
func (s *Socket) Close(code int, reason string) error {
	return s.write(wsframe.Close, wsframe.AppendClose(nil, code, reason))
}

// Leave ends the connection without a word, as a client whose network is gone.
func (s *Socket) Leave() {
	s.left()
	_ = s.conn.Close() // always nil
}

// Result waits for the handler's end, and returns what it has answered: 101, and the error that it
// has failed with.
func (s *Socket) Result() *Result {
	s.t.Helper()
	s.call.wait(s.t, s.ctx)
	return s.call.result()
}

// write writes a frame.
func (s *Socket) write(op wsframe.Opcode, payload []byte) error {
	var key [4]byte
	rand.Read(key[:]) // never fails
	s.sending.Lock()
	defer s.sending.Unlock()
	if _, err := s.conn.Write(wsframe.AppendMasked(nil, op, key, payload)); err != nil {
		return lwan.ErrGone
	}
	return nil
}

// end is called at the end of the test.
func (s *Socket) end() {
	s.Leave()
	s.answering.Wait()
	s.call.wait(s.t, s.ctx)
}
