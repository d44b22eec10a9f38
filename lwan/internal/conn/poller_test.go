//go:build linux

package conn

import (
	"os/exec"
	"testing"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// pollers are all implementations of the contract.
var pollers = map[string]loop.NewPoller{"epoll": loop.NewEpoll, "poll": loop.NewPollSet}

// testPoller is that of the rigs; the environment chooses another one.
var testPoller loop.NewPoller = loop.NewEpoll

const pollerVariable = "CONN_TEST_POLLER"

// TestWithPoll runs the tests again with loops that use poll(2): whatever depends on more than the
// contract of loop.Poller fails. What does not need loops, takes long, or has nothing to do with
// readiness is left out.
func TestWithPoll(t *testing.T) {
	if testing.Short() {
		t.Skip("runs all tests of the package")
	}
	t.Parallel() // it waits for a process of its own
	out, err := child(t, "", func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, pollerVariable+"=poll")
		cmd.Args = append(cmd.Args, "-test.short", "-test.timeout=5m",
			"-test.skip=^(TestWithPoll|TestManyDeaths|TestInvariant9.*|TestPosts.*|"+
				"TestOutOfDesc.*|TestAcceptErrors|TestWheel.*|Fuzz.*)$")
	})
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
