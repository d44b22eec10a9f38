package handlers

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// SessionKeyFile reads a key for SessionsConfig.Keys, so that sessions outlive a restart. If there
// is no such file it makes one, of 32 random bytes and mode 0600; of several processes that do so
// at the same time all get the same key. A file of less than 32 bytes is an error. It blocks: call
// it before the server starts.
func SessionKeyFile(name string) ([]byte, error) {
	key, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeyFile(name); err == nil {
			key, err = os.ReadFile(name)
		}
	}
	if err == nil && len(key) < 32 {
		err = errShortKey
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// makeKeyFile makes a file, unless somebody else has meanwhile: it gets its name once it is whole.
func makeKeyFile(name string) error {
	part := name + "." + rand.Text()
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails: it would end the process
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = os.Link(part, name); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(part))
}
