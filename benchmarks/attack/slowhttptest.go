package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// slowTester is the program of that name. It limits itself: each of its connections is opened once.
const slowTester = "slowhttptest"

// testerModes are its four, with what they need to do as much harm as they can.
var testerModes = []struct {
	name, target string
	args         []string
}{
	{"slow heads", "/", []string{"-H", "-i", "5"}},
	{"slow bodies", "/post", []string{"-B", "-i", "5", "-s", "8192", "-t", "POST"}},
	{"slow reads", largeFile(), []string{"-X", "-n", "1", "-z", "32", "-w", "512", "-y", "1024"}},
	{"ranges", largeFile(), []string{"-R", "-a", "10", "-b", "3000"}},
}

func largeFile() string { return contract.Requests(contract.FileLarge)[0].Target }

// testerAttacks are the attacks of slowhttptest; none if it is not installed.
func testerAttacks(o *options) (all []attack) {
	if _, err := exec.LookPath(slowTester); err != nil {
		return nil
	}
	for _, m := range testerModes {
		all = append(all,
			attack{name: slowTester + ": " + m.name, bar: promised,
				run: func(ctx context.Context, addr string) (string, error) {
					return runTester(ctx,
						append(testerArgs(o), append(m.args, "-u", "http://"+addr+m.target)...))
				}})
	}
	return all
}

// testerArgs are those of all modes: all connections are there after two seconds.
func testerArgs(o *options) []string {
	seconds := max(int(o.duration/time.Second)-1, 1)
	return []string{slowTester, "-c", strconv.Itoa(o.connections), "-r",
		strconv.Itoa(max(o.connections/2, 1)), "-l", strconv.Itoa(seconds), "-p",
		strconv.Itoa(int(probeLimit / time.Second)), "-v", "1"}
}

// runTester waits for its end, which it determines itself.
func runTester(ctx context.Context, args []string) (string, error) {
	out, err := proc.Run(context.WithoutCancel(ctx), proc.Command{Args: args, CPU: proc.AnyCPU})
	if err != nil {
		return "", err
	}
	return testerSays(string(out))
}

var (
	colours = regexp.MustCompile("\x1b\\[[0-9;]*m")
	facts   = regexp.MustCompile(`(?m)^(connected|error|closed|service available): *(\w+)`)
)

// testerSays is its last report in a line.
func testerSays(out string) (string, error) {
	last := map[string]string{}
	for _, m := range facts.FindAllStringSubmatch(colours.ReplaceAllString(out, ""), -1) {
		last[m[1]] = m[2]
	}
	if last["service available"] == "" {
		return "", fmt.Errorf("%s has reported nothing: %.400q", slowTester, out)
	}
	return strings.TrimSpace(fmt.Sprintf("%s connected, %s closed, available: %s",
		last["connected"], last["closed"], last["service available"])), nil
}
