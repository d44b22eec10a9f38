package drive

import (
	"time"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// meter reads the CPU time of a server between two moments. Without a server it reads 0.
type meter struct {
	server int // process; 0 for none
	began  time.Time
	before time.Duration
}

func startMeter(server int) (meter, error) {
	m := meter{server: server, began: time.Now()}
	var err error
	m.before, err = m.read()
	return m, err
}

// stop returns what the server has used since the start.
func (m meter) stop() (time.Duration, error) {
	now, err := m.read()
	return now - m.before, err
}

func (m meter) read() (time.Duration, error) {
	if m.server == 0 {
		return 0, nil
	}
	usage, err := proc.UsageOf(m.server)
	return usage.CPU, err
}
