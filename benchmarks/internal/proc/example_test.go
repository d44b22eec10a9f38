package proc_test

import (
	"fmt"
	"log"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

func Example() {
	p, err := proc.Start(proc.Command{Args: []string{"sleep", "60"}, CPU: proc.AnyCPU})
	if err != nil {
		log.Fatal(err)
	}
	usage, err := p.Usage()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(usage.Processes, "process,", usage.Threads, "thread")
	fmt.Println(p.Stop())
	// Output:
	// 1 process, 1 thread
	// <nil>
}
