package proc

import (
	"bytes"
	"os"
)

const congestion = "/proc/sys/net/ipv4/tcp_congestion_control"

// Congestion is what TCP connections of the machine control congestion by, unless a program chooses
// for itself.
func Congestion() (string, error) {
	name, err := os.ReadFile(congestion)
	return string(bytes.TrimSpace(name)), err
}

// ChooseCongestion makes name that of the machine, if this process may, and returns what puts the
// one before back.
func ChooseCongestion(name string) (restore func() error, err error) {
	before, err := Congestion()
	if err != nil {
		return nil, err
	}
	if before == name {
		return func() error { return nil }, nil
	}
	set := func(name string) error { return os.WriteFile(congestion, []byte(name+"\n"), 0o644) }
	if err := set(name); err != nil {
		return nil, err
	}
	return func() error { return set(before) }, nil
}
