package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/drive"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// holdCommand makes this program hold idle connections, since one process does not have enough
// descriptors to exhaust another: "hold ADDR NUMBER". It opens them, says how many there are, and
// holds them until its standard input ends.
const holdCommand = "hold"

func holdUntil(in io.Reader, out io.Writer, args []string) (err error) {
	if len(args) != 2 {
		return errors.New("hold: an address and a number are needed")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	if err := proc.RaiseFileLimit(); err != nil {
		return err
	}
	held := holdMany(args[0], n)
	defer func() {
		for _, h := range held {
			err = errors.Join(err, h.Close())
		}
	}()
	if _, err := fmt.Fprintln(out, len(held)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// holdMany opens n connections that have been served a request, or as many as the server takes.
func holdMany(addr string, n int) (held []*drive.Held) {
	hello := contract.Requests(contract.Hello)[0]
	for range n {
		h, err := drive.Hold(addr, hello, 1)
		if err != nil {
			return held
		}
		held = append(held, h)
	}
	return held
}

// holder is such a process.
type holder struct {
	cmd  *exec.Cmd
	in   io.Closer
	open int
}

// startHolder returns when the connections are open.
func startHolder(ctx context.Context, addr string, n int) (*holder, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, holdCommand, addr, strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &holder{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		h.open, err = strconv.Atoi(strings.TrimSpace(line))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold: %w", err), h.release())
	}
	return h, nil
}

// release closes the connections and waits for the end of the process.
func (h *holder) release() error { return errors.Join(h.in.Close(), h.cmd.Wait()) }
