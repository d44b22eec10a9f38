package ecosystem

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/golwan/golwan/lwan"
)

// socketClient dials, lets every message come back, and closes with 1000.
type socketClient func(ctx context.Context, url string, cfg *tls.Config, messages [][]byte) error

var errChanged = errors.New("another message came back")

func coderClient(compress coder.CompressionMode) socketClient {
	return func(ctx context.Context, url string, cfg *tls.Config, messages [][]byte) error {
		tr := &http.Transport{TLSClientConfig: cfg}
		defer tr.CloseIdleConnections()
		c, _, err := coder.Dial(ctx, url, &coder.DialOptions{
			HTTPClient: &http.Client{Transport: tr}, CompressionMode: compress,
		})
		if err != nil {
			return err
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 20)
		for _, m := range messages {
			if err := c.Write(ctx, coder.MessageBinary, m); err != nil {
				return err
			}
			if _, got, err := c.Read(ctx); err != nil {
				return err
			} else if !bytes.Equal(got, m) {
				return errChanged
			}
		}
		return c.Close(coder.StatusNormalClosure, "done") // waits for the answer
	}
}

func gobwasClient(ctx context.Context, url string, cfg *tls.Config, messages [][]byte) error {
	d := ws.Dialer{TLSConfig: cfg}
	c, rest, _, err := d.Dial(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close()
	if rest != nil {
		return errors.New("the server speaks first")
	}
	by, _ := ctx.Deadline()
	if err := c.SetDeadline(by); err != nil {
		return err
	}
	for _, m := range messages {
		if err := wsutil.WriteClientMessage(c, ws.OpPing, []byte("there?")); err != nil {
			return err
		}
		if err := wsutil.WriteClientBinary(c, m); err != nil {
			return err
		}
		if got, err := wsutil.ReadServerBinary(c); err != nil { // behind the pong
			return err
		} else if !bytes.Equal(got, m) {
			return errChanged
		}
	}
	end := ws.NewCloseFrameBody(ws.StatusNormalClosure, "done")
	if err := wsutil.WriteClientMessage(c, ws.OpClose, end); err != nil {
		return err
	}
	f, err := ws.ReadFrame(c)
	if err != nil {
		return err
	}
	if code, _ := ws.ParseCloseFrameData(f.Payload); code != ws.StatusNormalClosure {
		return errors.New("the close is answered with another code")
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		return errors.Join(errors.New("no end behind the close"), err)
	}
	return nil
}

// TestWebSocketClients: other people's clients talk to both kinds of sockets, in the clear and over
// TLS.
func TestWebSocketClients(t *testing.T) {
	secure := httptest.NewUnstartedServer(nil) // for its certificate
	secure.StartTLS()
	defer secure.Close()
	trust := secure.Client().Transport.(*http.Transport).TLSClientConfig

	srv := &lwan.Server{Endpoints: []lwan.Endpoint{
		{Addr: "127.0.0.1:0"},
		{Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: secure.TLS.Certificates}},
	}}
	cfg := &lwan.WebSocketConfig{Compress: true}
	srv.Handle("/converse", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Converse(cfg, &lwan.Conversation{Message: func(m *lwan.Message) error {
			return m.Reply(m.Kind(), m.Bytes())
		}})
	})
	parked := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		s, err := resp.WebSocket(cfg)
		for err == nil {
			var kind lwan.MessageKind
			var m []byte
			if kind, m, err = s.Receive(); err == nil {
				err = s.Send(kind, m)
			}
		}
		return resp.Fail(err)
	}
	srv.Handle("/parked", parked)
	srv.Handle("/blocking", parked, lwan.Blocking)
	srv.Log = slog.New(slog.DiscardHandler)
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	defer func() {
		if err := errors.Join(srv.Shutdown(t.Context()), <-ended); err != nil {
			t.Error(err)
		}
	}()
	<-srv.Ready()

	messages := [][]byte{
		{}, []byte("hello"), make([]byte, 125), make([]byte, 126), make([]byte, 70_000),
		bytes.Repeat([]byte("0123456789"), 90_000),
	}
	for name, client := range map[string]socketClient{
		"coder":            coderClient(coder.CompressionDisabled),
		"coder, deflating": coderClient(coder.CompressionNoContextTakeover),
		"gobwas":           gobwasClient,
	} {
		for i, scheme := range []string{"ws://", "wss://"} {
			for _, path := range []string{"/converse", "/parked", "/blocking"} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				url := scheme + srv.Addrs()[i].(*net.TCPAddr).String() + path
				if err := client(ctx, url, trust, messages); err != nil {
					t.Errorf("%s, %s%s: %v", name, scheme, path, err)
				}
				cancel()
			}
		}
	}
}
