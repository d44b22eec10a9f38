package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
)

// watchEvery is how often memory and descriptors are looked at.
const watchEvery = 200 * time.Millisecond

// peaks are the greatest values during an attack.
type peaks struct {
	resident    int64 // bytes
	descriptors int
}

// watch looks at a server until ctx is over.
func watch(ctx context.Context, s *contender.Server) (p peaks, err error) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		usage, err := s.Usage()
		if err != nil {
			return p, fmt.Errorf("the server has ended: %w: %s", err, s.Output())
		}
		p.resident = max(p.resident, usage.Resident)
		n, err := descriptorsOf(s)
		if err != nil {
			return p, err
		}
		p.descriptors = max(p.descriptors, n)
		select {
		case <-ctx.Done():
			return p, nil
		case <-tick.C:
		}
	}
}

// descriptorsOf counts the descriptors that a server and its workers have open.
func descriptorsOf(s *contender.Server) (int, error) {
	pids, err := s.PIDs()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, pid := range pids {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		n += len(list)
	}
	return n, nil
}
