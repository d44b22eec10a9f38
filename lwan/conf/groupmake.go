package conf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan"
)

// addresses are those of all backends that are not started here.
func (c *groupConfig) addresses() (list []string) {
	for _, a := range c.To {
		list = append(list, backendAddress(a))
	}
	for _, b := range c.Backend {
		list = append(list, backendAddress(b.Address))
	}
	return list
}

// backendAddress is an address as package gateway has it; Lwan's sockets are paths by themselves.
func backendAddress(a string) string {
	if strings.HasPrefix(a, "/") {
		return "unix:" + a
	}
	return a
}

func isBackend(a string) bool {
	if path, ok := strings.CutPrefix(a, "unix:"); ok {
		return path != ""
	}
	if strings.HasPrefix(a, "@") {
		return len(a) > 1
	}
	host, port, err := net.SplitHostPort(a)
	if err != nil || host == "" || strings.ContainsAny(host, " */") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// group makes the group, which nobody has opened yet.
func (c *groupConfig) group(name string) (*gateway.Group, error) {
	g := &gateway.Group{
		Name: name, Balance: balances[c.Balance], Key: c.HashKey.key(), Cookie: c.Sticky,
		MaxFails: noneIfNil(c.MaxFails), FailTime: c.FailTime, Rest: c.Rest, RestMost: c.RestMost,
		SlowStart: c.SlowStart, Retry: c.Retry.retry(), Queue: c.Queue.queue(),
		Conns: lwan.Dialer{
			Timeout: c.ConnectTimeout, MaxIdle: noneIfNil(c.KeepConns), Idle: c.KeepFor,
		},
	}
	if c.KeepFor == 0 {
		g.Conns.MaxIdle = -1
	}
	for _, a := range c.To {
		g.Backends = append(g.Backends, gateway.Backend{Address: backendAddress(a)})
	}
	for _, b := range c.Backend {
		g.Backends = append(g.Backends, gateway.Backend{
			Address: backendAddress(b.Address), Weight: b.Weight, Backup: b.Backup, Down: b.Down,
			MaxConns: b.MaxConns,
		})
	}
	for _, p := range c.Process {
		g.Backends = append(g.Backends, p.backend())
	}
	if c.Health != nil {
		g.Health = c.Health.health()
	}
	var err error
	if c.BackendTLS != nil {
		g.Conns.TLS, err = c.BackendTLS.config()
	}
	return g, err
}

// noneIfNil is a number for a field of which zero is the default and negative none.
func noneIfNil(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// retry is what package gateway has; a nil r is all defaults.
func (r *retryConfig) retry() gateway.Retry {
	if r == nil {
		return gateway.Retry{}
	}
	to := gateway.Retry{
		Tries: r.Tries, Within: noneIfZero(r.Within), Budget: r.Budget, On: statuses(r.On),
		Timeouts: r.Timeouts, Unsafe: r.Unsafe, Body: noBytesIfZero(r.Body),
	}
	if r.Budget == 0 {
		to.Budget = -1
	}
	return to
}

// Check implements Checker.
func (r *retryConfig) Check() error {
	if r.Budget < 0 || r.Budget > 100 {
		return errors.New("budget is not from 0 to 100")
	}
	return nil
}

// queue is what package gateway has; a nil q is all defaults.
func (q *queueConfig) queue() gateway.Queue {
	if q == nil {
		return gateway.Queue{}
	}
	return gateway.Queue{Max: noneIfNil(q.Max), Wait: noneIfZero(q.Wait)}
}

func statuses(list []int) (all []lwan.Status) {
	for _, n := range list {
		all = append(all, lwan.Status(n))
	}
	return all
}

func (p *processConfig) backend() gateway.Backend {
	return gateway.Backend{
		Weight: p.Weight, Backup: p.Backup, MaxConns: p.MaxConns,
		Process: &gateway.Process{
			Command: p.Command.words, Dir: p.Dir, Env: p.Env,
			Inherit: append([]string{}, p.Inherit...), Listen: listens[p.Listen],
			Min: p.Min, Max: p.Max, IdleTime: p.IdleTime, Ready: p.Ready,
			Recycle: int64(p.Recycle), Kill: p.KillTime,
		},
	}
}

func (h *healthConfig) health() *gateway.Health {
	to := &gateway.Health{
		Path: h.Path, Host: h.Host, Every: h.Every, Timeout: h.Timeout, Fall: h.Fall, Rise: h.Rise,
	}
	if len(h.Status) > 0 {
		to.Good = func(st lwan.Status, _ []byte) bool { return slices.Contains(h.Status, int(st)) }
	}
	return to
}

// Check implements Checker.
func (h *healthConfig) Check() error {
	switch {
	case h.Path != "" && (h.Path[0] != '/' || strings.ContainsAny(h.Path, " #\r\n")):
		return fmt.Errorf("%q is no path", h.Path)
	case h.Path == "" && (h.Host != "" || len(h.Status) > 0):
		return errors.New("host and status need a path")
	}
	return nil
}

// Check implements Checker.
func (c *backendTLS) Check() error {
	switch {
	case c.Key != "" && c.Cert == "":
		return errors.New("key needs a cert")
	case !c.Verify && c.CA != "":
		return errors.New("without verify nobody looks at what ca signs")
	}
	c.files = stateOf(c.CA, c.Cert, c.Key)
	return nil
}

// stateOf says which state of files it is.
func stateOf(names ...string) (state string) {
	for _, name := range names {
		if fi, err := os.Stat(name); name != "" && err == nil {
			state += fmt.Sprintln(name, fi.ModTime().UnixNano(), fi.Size())
		}
	}
	return state
}

func (c *backendTLS) config() (*tls.Config, error) {
	to := &tls.Config{ServerName: c.Name, InsecureSkipVerify: !c.Verify}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, err
		}
		to.RootCAs = x509.NewCertPool()
		if !to.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("there is no certificate in %s", c.CA)
		}
	}
	if c.Cert != "" {
		key := c.Key
		if key == "" {
			key = c.Cert
		}
		pair, err := tls.LoadX509KeyPair(c.Cert, key)
		if err != nil {
			return nil, err
		}
		to.Certificates = []tls.Certificate{pair}
	}
	return to, nil
}

// plainGroup is a groupConfig with nothing but defaults.
func plainGroup() *groupConfig {
	c := &groupConfig{}
	v := reflect.ValueOf(c).Elem()
	(&sectionDecoder{v: v, fields: fieldsOf(v.Type())}).defaults()
	return c
}
