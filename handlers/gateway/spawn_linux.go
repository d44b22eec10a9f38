package gateway

import "syscall"

// dieWithParent lets the process be killed when the server is.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
