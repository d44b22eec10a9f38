package drive

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

func TestCommand(t *testing.T) {
	s := serve(t)
	job, err := json.Marshal(load.Job{Addr: s.Listener.Addr().String(),
		Requests: contract.Requests(contract.Post), Connections: 2,
		Duration: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Command(bytes.NewReader(job), &out); err != nil {
		t.Fatal(err)
	}
	var result load.Result
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || result.Requests == 0 ||
		result.Errors.Err() != nil {
		t.Errorf("%s: %v", &out, err)
	}
	for _, bad := range []string{"", "{}", "[]"} {
		if err := Command(strings.NewReader(bad), &out); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
