package lwan

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// What a process that restarts leaves to the new one: from descriptor 3 on its listening sockets,
// then a pipe. The variable names the sockets, by what their endpoints are configured with, as a
// list in JSON. The new process says in the pipe, in one line, that it serves, or why it does not.
// If the other variable is set, a second pipe follows, which holds the keys of session tickets:
// an environment, unlike a pipe, can be read by others.

const (
	restartVariable = "GOLWAN_RESTART"
	keysVariable    = "GOLWAN_RESTART_KEYS"
	firstInherited  = 3 // behind standard input, output and error
	readyLine       = "ready\n"
)

// inheritance is what a process has been left. A nil one is empty.
type inheritance struct {
	sockets []inherited
	ready   *os.File
	keys    *os.File // nil: none were left, or they have been taken
}

type inherited struct {
	where string
	file  *os.File // nil: taken
}

// inheriting guards the environment, which is looked at once: processes that this one starts have
// nothing to do with it.
var inheriting sync.Mutex

// inherit takes what the process was left, if it was and nobody has taken it.
func inherit() (*inheritance, error) {
	inheriting.Lock()
	defer inheriting.Unlock()
	text, ok := os.LookupEnv(restartVariable)
	if !ok {
		return nil, nil
	}
	var names []string
	_, keys := os.LookupEnv(keysVariable)
	err := errors.Join(os.Unsetenv(restartVariable), os.Unsetenv(keysVariable),
		json.Unmarshal([]byte(text), &names))
	if err != nil {
		return nil, fmt.Errorf("lwan: %s: %w", restartVariable, err)
	}
	h := &inheritance{ready: inheritedFile(firstInherited+len(names), "restart")}
	for i, where := range names {
		h.sockets = append(h.sockets, inherited{where, inheritedFile(firstInherited+i, where)})
	}
	if keys {
		h.keys = inheritedFile(firstInherited+len(names)+1, "ticket keys")
	}
	return h, nil
}

// takeKeys gives k what the process before has left.
func (h *inheritance) takeKeys(k *ticketKeys) error {
	if h == nil || h.keys == nil {
		return nil
	}
	file := h.keys
	h.keys = nil
	return errors.Join(k.inherit(file), file.Close())
}

// take returns the first socket of that address which has not been taken; nil: there is none.
func (h *inheritance) take(where string) *os.File {
	if h == nil {
		return nil
	}
	for i := range h.sockets {
		if s := &h.sockets[i]; s.where == where && s.file != nil {
			file := s.file
			s.file = nil
			return file
		}
	}
	return nil
}

// settle closes what nobody has taken, and tells the process before how the start of the server
// ended.
func (h *inheritance) settle(failure error) error {
	if h == nil {
		return nil
	}
	var errs []error
	if h.keys != nil {
		errs = append(errs, h.keys.Close())
	}
	for _, s := range h.sockets {
		if s.file != nil {
			errs = append(errs, s.file.Close())
		}
	}
	line := readyLine
	if failure != nil {
		line = strings.ReplaceAll(failure.Error(), "\n", "; ") + "\n"
	}
	_, err := h.ready.WriteString(line)
	return errors.Join(append(errs, err, h.ready.Close())...)
}
