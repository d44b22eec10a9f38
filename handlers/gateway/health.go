package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan"
)

// Health looks after backends by itself, from goroutines. Every is jittered by a tenth.
type Health struct {
	// Path is that of a GET in HTTP; "": a connection is enough, which is all that there is for
	// FastCGI, SCGI and uwsgi
	Path    string
	Host    string                                 // "": the backend's address
	Every   time.Duration                          // 5 s
	Timeout time.Duration                          // 2 s
	Fall    int                                    // failures in a row that take one out: 3
	Rise    int                                    // successes that bring it back: 2
	Good    func(st lwan.Status, body []byte) bool // nil: 200 to 399; body: its first 4 KiB
}

// pulse is what checks have shown of a member: consecutive ones of a kind.
type pulse struct{ good, bad int }

// beat counts a check. down and up say what it means for the member.
func (p *pulse) beat(good bool, fall, rise int) (down, up bool) {
	if good {
		p.good, p.bad = p.good+1, 0
		return false, p.good >= rise
	}
	p.good, p.bad = 0, p.bad+1
	return p.bad >= fall, false
}

// watch checks all members, again and again, until the group is closed.
func (p *pool) watch() {
	h := p.group.Health
	every := orDefault(h.Every, 5*time.Second)
	pulses := map[*member]*pulse{}
	for {
		p.checkAll(p.life, pulses)
		jitter := time.Duration((rand.Float64() - 0.5) / 5 * float64(every))
		select {
		case <-p.life.Done():
			return
		case <-time.After(every + jitter):
		}
	}
}

// checkAll checks each member once, all at the same time.
func (p *pool) checkAll(ctx context.Context, pulses map[*member]*pulse) {
	h, members := p.group.Health, p.roster.Load().members
	found := make([]error, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() { found[i] = h.check(ctx, m) })
	}
	all.Wait()
	if ctx.Err() != nil {
		return
	}
	for i, m := range members {
		if unchecked(found[i]) {
			continue
		}
		of := pulses[m]
		if of == nil {
			of = new(pulse)
			pulses[m] = of
		}
		down, up := of.beat(found[i] == nil, orDefault(h.Fall, 3), orDefault(h.Rise, 2))
		if down {
			m.hold(p.now(), byHealth)
		}
		if up && m.lift(p.now(), byHealth) {
			p.queue.pump(p.try)
		}
	}
	for m := range pulses {
		if find(members, m.backend, m.address) == nil {
			delete(pulses, m)
		}
	}
}

// unchecked reports whether a check could not be made for want of descriptors: it says nothing of
// the member.
func unchecked(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// check asks one member whether it is well.
func (h *Health) check(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeout(ctx, orDefault(h.Timeout, 2*time.Second))
	defer cancel()
	network := "tcp"
	if m.dialer.Network == "unix" || strings.HasPrefix(m.address, "@") {
		network = "unix"
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, m.dialer.Address)
	}
	if h.Path == "" {
		c, err := dial(ctx, "", "")
		if err != nil {
			return err
		}
		return c.Close()
	}
	return h.get(ctx, m, dial)
}

// get asks for the page.
func (h *Health) get(ctx context.Context, m *member,
	dial func(ctx context.Context, network, address string) (net.Conn, error),
) error {
	host := m.name
	if network, _, _ := strings.Cut(host, ":"); network == "unix" || host[0] == '@' {
		host = "localhost"
	}
	url := "http://" + host + h.Path
	if m.dialer.TLS != nil {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	if h.Host != "" {
		r.Host = h.Host
	}
	t := &http.Transport{
		DialContext: dial, TLSClientConfig: m.dialer.TLS, DisableKeepAlives: true,
		DisableCompression: true,
	}
	answer, err := t.RoundTrip(r) // redirects are not followed
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return err
	}
	return h.judge(lwan.Status(answer.StatusCode), body)
}

func (h *Health) judge(st lwan.Status, body []byte) (err error) {
	defer func() {
		if v := recover(); v != nil { // of Good; nothing of the server's is to end by it
			err = fmt.Errorf("the check panics: %v", v)
		}
	}()
	good := st >= 200 && st < 400
	if h.Good != nil {
		good = h.Good(st, body)
	}
	if !good {
		return errors.New("the check says no")
	}
	return nil
}
