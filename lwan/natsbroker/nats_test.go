package natsbroker

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/golwan/golwan/lwan"
)

// patience is how long anything may take on a busy machine.
const patience = 60 * time.Second

// startNATS starts a server that keeps its streams in dir. port may be -1 for any.
func startNATS(dir string, port int) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir,
		NoSigs: true, NoLog: true,
	})
	if err != nil {
		return nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(patience) {
		return nil, nats.ErrTimeout
	}
	return s, nil
}

// embedded is a NATS in this process.
func embedded(t *testing.T) *server.Server {
	t.Helper()
	s, err := startNATS(t.TempDir(), -1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// broker makes one with a connection of its own.
func broker(t *testing.T, url string, c Config) *Broker {
	t.Helper()
	conn, err := Connect(url, nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	c.Conn, c.Timeout = conn, patience
	b, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Close()
		conn.Close()
	})
	return b
}

// listener is what a broker delivers of a topic.
type listener struct {
	*testing.T
	events chan lwan.Event
}

func listen(t *testing.T, b *Broker, topic string) *listener {
	t.Helper()
	l := &listener{t, make(chan lwan.Event, 1000)}
	stop, err := b.Subscribe(topic, func(ev lwan.Event) { l.events <- ev })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return l
}

func (l *listener) next() lwan.Event {
	l.Helper()
	select {
	case ev := <-l.events:
		return ev
	case <-time.After(patience):
		l.Fatal("nothing more is delivered")
		return lwan.Event{}
	}
}

// cut gives a test the address of a way to NATS, and what closes it and opens it again.
func cut(t *testing.T, to string) (url string, set func(open bool)) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	type pair struct{ in, out net.Conn }
	arrived, states := make(chan net.Conn), make(chan bool)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				close(arrived)
				return
			}
			arrived <- c
		}
	}()
	go func() {
		var pairs []pair
		closeAll := func() {
			for _, p := range pairs {
				p.in.Close()
				p.out.Close()
			}
			pairs = nil
		}
		defer closeAll()
		open := true
		for {
			select {
			case c, ok := <-arrived:
				if !ok {
					return
				}
				out, err := net.Dial("tcp", to)
				if err != nil || !open {
					c.Close()
					if err == nil {
						out.Close()
					}
					continue
				}
				pairs = append(pairs, pair{c, out})
				go pump(c, out)
				go pump(out, c)
			case open = <-states:
				if !open {
					closeAll()
				}
			}
		}
	}()
	return "nats://" + ln.Addr().String(), func(open bool) { states <- open }
}

// pump copies until either side is closed.
func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	to.Close()
	from.Close()
}
