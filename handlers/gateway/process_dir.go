package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Sockets of processes are in a directory of the group's, which is removed when that is closed. A
// server that was killed leaves its own behind, and the next one of the same user removes it. That
// it is nobody's any more is told by a lock on a file in it, which ends with its process, and not
// by a number: where processes of several containers share the directory above, those mean nothing.

// lockName is the file that is locked. It has that name from when it is.
const lockName = "lock"

var dirNames = regexp.MustCompile(`^golwan-\d+-\d+$`)

// makeDir makes a directory, with mode 0700, which is the caller's as long as lock is open.
func makeDir() (dir string, lock *os.File, err error) {
	clearDead(os.TempDir())
	if dir, err = os.MkdirTemp("", fmt.Sprintf("golwan-%d-", os.Getpid())); err != nil {
		return "", nil, err
	}
	if lock, err = lockDir(dir); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

func lockDir(dir string) (*os.File, error) {
	at := filepath.Join(dir, lockName)
	f, err := os.OpenFile(at+".new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if tryLock(f) { // else the system has none, and nobody else removes the directory
		err = os.Rename(f.Name(), at)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// clearDead removes the directories below in that are nobody's any more. What cannot be looked at
// or removed stays.
func clearDead(in string) {
	all, err := os.ReadDir(in)
	if err != nil {
		return
	}
	for _, e := range all {
		dir := filepath.Join(in, e.Name())
		if info, err := os.Lstat(dir); err == nil && dirNames.MatchString(e.Name()) &&
			info.Mode() == fs.ModeDir|0o700 && isOurs(info) {
			removeDead(dir)
		}
	}
}

func removeDead(dir string) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if err != nil {
		return // it has just been made, or removed
	}
	defer f.Close()
	if tryLock(f) {
		_ = os.RemoveAll(dir)
	}
}
