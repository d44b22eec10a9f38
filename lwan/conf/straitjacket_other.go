//go:build !linux

package conf

import (
	"fmt"
	"runtime"
)

var errWrongSystem = fmt.Errorf("there is no straitjacket on %s", runtime.GOOS)

// canConfine: threads of other systems have no privileges of their own, and no Landlock.
func canConfine() bool { return false }

const howToConfine = "it is for Linux: let the system do it"

func (c *jacket) enter() error {
	if c == nil || c.Chroot == "" {
		return nil
	}
	return errWrongSystem
}

func (c *jacket) confine() error { return errWrongSystem }
