package message_test

import (
	"fmt"

	"github.com/golwan/golwan/lwan/internal/message"
)

func ExampleCleanPath() {
	path, clean, _ := message.CleanPath(nil, []byte("/a/b/%2e%2e/c%2Fd//e"))
	fmt.Printf("%q %v\n", path, clean)
	// Output: "/a/c\x00d/e" false
}
