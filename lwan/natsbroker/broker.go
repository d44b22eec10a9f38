package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/golwan/golwan/lwan"
)

// Config is for New. The zero value of a field is its default.
type Config struct {
	// to NATS; required. It stays the program's: see Connect
	Conn *nats.Conn
	// of JetStream, made if it is not there, and the first part of its subjects: "golwan"
	Stream string

	// For a stream that is made:
	Keep     int           // events of each topic: 1000; 16 at least
	MaxAge   time.Duration // of an event: 24 h; negative: any
	MaxBytes int64         // of all events: 1 GiB; negative: no bound
	Replicas int           // machines that have it: 1

	// how long Publish and Subscribe may take: 5 s
	Timeout time.Duration
	Log     *slog.Logger // of lost connections and the like; nil: slog.Default()
}

const (
	defaultStream   = "golwan"
	defaultKeep     = 1000
	leastKeep       = 16
	defaultMaxAge   = 24 * time.Hour
	defaultMaxBytes = 1 << 30
	defaultTimeout  = 5 * time.Second
)

func (c Config) withDefaults() (Config, error) {
	if c.Conn == nil {
		return c, errors.New("natsbroker: Config.Conn is missing")
	}
	if c.Stream == "" {
		c.Stream = defaultStream
	}
	if c.Keep == 0 {
		c.Keep = defaultKeep
	}
	if c.Keep < leastKeep {
		return c, fmt.Errorf("natsbroker: Config.Keep is %d, and less than %d", c.Keep, leastKeep)
	}
	if c.MaxAge == 0 {
		c.MaxAge = defaultMaxAge
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}

// Connect connects to NATS as a broker needs it: for ever anew when the connection is lost, and
// with nothing kept back meanwhile that was refused to whoever published it. options go before
// that.
func Connect(url string, options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect(url, append(options,
		nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))...)
}

// Broker implements lwan.Broker. It is made by New.
type Broker struct {
	c       Config
	js      jetstream.JetStream
	ctx     context.Context // over: Close was called
	cancel  context.CancelFunc
	running sync.WaitGroup // goroutines

	mu         sync.Mutex
	link       context.Context         // over: the connection was lost; nil: there is none
	unlink     context.CancelCauseFunc // ends link
	reconnects uint64                  // of the connection, when link began
	linked     chan struct{}           // closed when there is a link
}

// New makes the stream if it is not there. ctx is for that alone. The error is that of NATS, or of
// Config.
func New(ctx context.Context, c Config) (*Broker, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(c.Conn)
	if err != nil {
		return nil, fmt.Errorf("natsbroker: %w", err)
	}
	b := &Broker{c: c, js: js, linked: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := b.openStream(ctx); err != nil {
		return nil, fmt.Errorf("natsbroker: stream %s: %w", c.Stream, err)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.running.Go(b.watch)
	return b, nil
}

// openStream makes the stream, unless somebody else has.
func (b *Broker) openStream(ctx context.Context) error {
	_, err := b.js.Stream(ctx, b.c.Stream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	_, err = b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: b.c.Stream, Subjects: []string{b.c.Stream + ".>"},
		MaxMsgsPerSubject: int64(b.c.Keep), MaxAge: max(b.c.MaxAge, 0),
		MaxBytes: max(b.c.MaxBytes, -1), Replicas: b.c.Replicas,
		Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return err
}

// Close ends all subscriptions, and waits for that. The connection stays open.
func (b *Broker) Close() error {
	b.cancel()
	b.running.Wait()
	return nil
}

// Publish implements lwan.Broker: it returns nil once the event is in the stream.
func (b *Broker) Publish(topic string, ev lwan.Event) error {
	msg, err := b.message(topic, ev)
	if err != nil {
		return err
	}
	link := b.current()
	if link == nil {
		return fmt.Errorf("natsbroker: %w", nats.ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(link, b.c.Timeout)
	defer cancel()
	// only what is sent again could be there twice, and nothing is
	_, err = b.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(b.c.Stream))
	if err != nil {
		if cause := context.Cause(link); cause != nil {
			err = cause
		}
		return fmt.Errorf("natsbroker: %w", err)
	}
	return nil
}
